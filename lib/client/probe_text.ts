import { printable } from "../log.ts";
import { STATES } from "./check_nrpe_cli.ts";
import type { ProbedTls, ProbeResult } from "./probe.ts";

/** A result as several lines. */
export function probeText({ target, address, steps, tls, outcome }: ProbeResult): string {
  const place = placeOf(target.host, target.port);
  const lines = [
    address === undefined || address === target.host ? place : `${place} (${address})`,
  ];
  for (const { step, milliseconds } of steps) {
    const time = `${milliseconds.toFixed(1)} ms`.padStart(11);
    lines.push(`  ${step.padEnd(11)}${time}${step === "handshake" ? tlsText(tls) : ""}`);
  }
  if (tls?.certificate !== undefined) lines.push(`  certificate  ${certificateText(tls)}`);
  if (outcome.kind === "failed") {
    lines.push(`no answer: ${printable(outcome.message)} [${outcome.code}]`);
  } else {
    const text = outcome.text.split("\n").map(printable).join("\n");
    lines.push(`${STATES[outcome.state]}, in version ${outcome.version}: ${text}`);
  }
  return `${lines.join("\n")}\n`;
}

/** A result as one line. */
export function probeLine({ target, steps, tls, outcome }: ProbeResult): string {
  const place = placeOf(target.host, target.port);
  if (outcome.kind === "failed") {
    return `${place}: no answer: ${printable(outcome.message)} [${outcome.code}]\n`;
  }
  const total = steps.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const secured = tls === undefined ? "plain" : `${tls.version}, ${certificateText(tls)}`;
  const text = printable(outcome.text.split("\n", 1)[0]!);
  const facts = `version ${outcome.version}, ${secured}, ${total.toFixed(1)} ms`;
  return `${place}: ${STATES[outcome.state]}: ${text} (${facts})\n`;
}

/** A result as a value for JSON. */
export function probeJson({ target, address, steps, tls, outcome }: ProbeResult): unknown {
  const failed = outcome.kind === "failed";
  return {
    host: target.host,
    port: target.port,
    address: address ?? null,
    answered: !failed,
    version: failed ? null : outcome.version,
    state: failed ? null : outcome.state,
    text: failed ? null : outcome.text,
    failure: failed ? { code: outcome.code, step: outcome.step, message: outcome.message } : null,
    milliseconds: Object.fromEntries(
      steps.map(({ step, milliseconds }) => [step, Number(milliseconds.toFixed(3))]),
    ),
    tls: tls === undefined ? null : {
      version: tls.version,
      cipher: tls.cipher,
      certificate: tls.certificate === undefined ? null : {
        subject: tls.certificate.subject,
        issuer: tls.certificate.issuer,
        ends: isoDate(tls.certificate.validTo),
        daysLeft: tls.certificate.daysLeft,
        selfSigned: tls.certificate.selfSigned,
      },
    },
  };
}

function isoDate(time: number): string | null {
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}

function placeOf(host: string, port: number): string {
  return printable(host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);
}

function tlsText(tls: ProbedTls | undefined): string {
  return tls === undefined ? "" : `  ${tls.version}, ${printable(tls.cipher)}`;
}

function certificateText({ certificate }: ProbedTls): string {
  if (certificate === undefined) return "no certificate";
  const { subject, issuer, daysLeft, selfSigned } = certificate;
  const signer = selfSigned ? "self-signed" : `signed by ${issuer}`;
  const validity = daysLeft < 0 ? `expired ${-daysLeft} days ago` : `${daysLeft} days left`;
  return printable(`${subject}, ${signer}, ${validity}`);
}
