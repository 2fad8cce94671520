import { ask } from "./ask.ts";
const [port, tls, times, at] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
];
const t = performance.now();
ask(
  { name: "x", port, tls: tls === 1 },
  { command: "echo", answer: /OK/ },
  { times, atOnce: at },
  [],
);
const s = (performance.now() - t) / 1000;
const u = process.cpuUsage();
console.log(
  (times / s).toFixed(0) + "/s",
  "client cpu us/check",
  ((u.user + u.system) / times).toFixed(0),
);
