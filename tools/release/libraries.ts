/**
 * What the runtime links into every binary, as its licence page (`docs/project/license.mdx` of the
 * package bun-types) and `process.versions` list it. The SBOM and deploy/NOTICES are made of this.
 */
export interface Library {
  readonly name: string;
  /** An SPDX expression. */
  readonly license: string;
  readonly source: string;
  /** Its key in `process.versions`; without one its version is not known. */
  readonly key?: string;
}

export const RUNTIME_SOURCE = "https://github.com/oven-sh/bun";

export const LIBRARIES: readonly Library[] = [
  library("JavaScriptCore", "LGPL-2.0-or-later", "https://github.com/oven-sh/WebKit", "webkit"),
  library("TinyCC", "LGPL-2.1-only", "https://github.com/tinycc/tinycc", "tinycc"),
  library(
    "BoringSSL",
    "OpenSSL AND ISC AND MIT",
    "https://boringssl.googlesource.com/boringssl",
    "boringssl",
  ),
  library("brotli", "MIT", "https://github.com/google/brotli"),
  library("c-ares", "MIT", "https://github.com/c-ares/c-ares", "ares"),
  library("HdrHistogram_c", "BSD-2-Clause", "https://github.com/HdrHistogram/HdrHistogram_c"),
  library("highway", "Apache-2.0", "https://github.com/google/highway"),
  library("ICU", "Unicode-3.0", "https://github.com/unicode-org/icu", "icu"),
  library("libarchive", "BSD-2-Clause", "https://github.com/libarchive/libarchive", "libarchive"),
  library("libbase64", "BSD-2-Clause", "https://github.com/aklomp/base64"),
  library("libdeflate", "MIT", "https://github.com/ebiggers/libdeflate", "libdeflate"),
  library(
    "libjpeg-turbo",
    "BSD-3-Clause AND IJG AND Zlib",
    "https://github.com/libjpeg-turbo/libjpeg-turbo",
  ),
  library("libspng", "BSD-2-Clause AND libpng-2.0", "https://github.com/randy408/libspng"),
  library("libwebp", "BSD-3-Clause", "https://github.com/webmproject/libwebp"),
  library("llhttp", "MIT", "https://github.com/nodejs/llhttp", "llhttp"),
  library("lol-html", "BSD-3-Clause", "https://github.com/cloudflare/lol-html", "lolhtml"),
  library(
    "ls-hpack",
    "MIT AND BSD-2-Clause",
    "https://github.com/litespeedtech/ls-hpack",
    "lshpack",
  ),
  library("ls-qpack", "MIT", "https://github.com/litespeedtech/ls-qpack"),
  library("lsquic", "MIT AND BSD-3-Clause", "https://github.com/litespeedtech/lsquic"),
  library("mimalloc", "MIT", "https://github.com/microsoft/mimalloc", "mimalloc"),
  library("picohttpparser", "MIT", "https://github.com/h2o/picohttpparser", "picohttpparser"),
  library("simdutf", "Apache-2.0", "https://github.com/simdutf/simdutf"),
  library("SQLite", "blessing", "https://sqlite.org", "sqlite"),
  library("TypeScript", "Apache-2.0", "https://github.com/microsoft/TypeScript", "typescript"),
  library("uSockets", "Apache-2.0", "https://github.com/uNetworking/uSockets", "usockets"),
  library(
    "uWebSockets",
    "Apache-2.0",
    "https://github.com/jarred-sumner/uwebsockets",
    "uwebsockets",
  ),
  library("zlib-ng", "Zlib", "https://github.com/zlib-ng/zlib-ng", "zlib"),
  library("zstd", "BSD-3-Clause", "https://github.com/facebook/zstd", "zstd"),
];

/** Keys of `process.versions` that name the runtime, its tools, or what it is compatible with. */
export const NOT_LINKED: readonly string[] = [
  ...["bun", "modules", "napi", "node", "openssl", "unicode", "uv", "v8", "zig"],
];

function library(name: string, license: string, source: string, key?: string): Library {
  return { name, license, source, ...key === undefined ? {} : { key } };
}

const NOTICES = `What the file nrpe is made of

nrpe itself is under the MIT licence, in the file LICENSE.

It has the runtime Bun in it, which is under the MIT licence and links the libraries below. Bun's
licence page names them, and where their texts are: ${RUNTIME_SOURCE},
LICENSE.md. nrpe -V says which version of Bun it is, and the file .cdx.json of a release which
version of each library, as far as Bun tells.

JavaScriptCore and TinyCC are under the LGPL. To use changed ones, build Bun with them as LICENSE.md
of Bun says, and nrpe with that Bun: npx -y deno install, then ./path/to/bun tools/build.ts in a
checkout of nrpe.

`;

/** deploy/NOTICES. */
export function noticesText(): string {
  const widths = [
    Math.max(...LIBRARIES.map(({ name }) => name.length)),
    Math.max(...LIBRARIES.map(({ license }) => license.length)),
  ] as const;
  const lines = LIBRARIES.map(({ name, license, source }) =>
    `${name.padEnd(widths[0])}  ${license.padEnd(widths[1])}  ${source}\n`
  );
  return `${NOTICES}${lines.join("")}`;
}
