// Makes the tarballs of npm's packages from built programs:
//
//   node deploy/npm/pack.mjs VERSION FOLDER linux-x64=PATH darwin-arm64=PATH …
//
// One package a system, with the program alone, and "vpsbot", which has the launcher and each of the six as an optional
// dependency of the same version: npm installs the one that fits. Publish those of the systems first.
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const license = join(here, "..", "..", "LICENSE");
const systems = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "win32-x64", "win32-arm64"];

const [version, folder, ...programs] = process.argv.slice(2);
if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version ?? "") || !folder || programs.length === 0) {
  console.error("usage: node deploy/npm/pack.mjs VERSION FOLDER SYSTEM=PROGRAM …, such as 1.2.3 dist/npm linux-x64=./vpsbot");
  process.exit(2);
}
const out = resolve(folder);
mkdirSync(out, { recursive: true });
const work = mkdtempSync(join(tmpdir(), "vpsbot-npm-"));
const launcher = JSON.parse(readFileSync(join(here, "vpsbot", "package.json"), "utf8"));

function pack(dir, manifest) {
  writeFileSync(join(dir, "package.json"), JSON.stringify(manifest, null, 2) + "\n");
  copyFileSync(license, join(dir, "LICENSE"));
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const name = execFileSync(npm, ["pack", "--silent", "--pack-destination", out], { cwd: dir, encoding: "utf8" });
  console.log(join(out, name.trim()));
}

try {
  for (const given of programs) {
    const [system, program] = [given.slice(0, given.indexOf("=")), given.slice(given.indexOf("=") + 1)];
    if (!systems.includes(system)) throw new Error(`${given}: the systems are ${systems.join(", ")}`);
    const [os, cpu] = system.split("-");
    const dir = join(work, system);
    mkdirSync(join(dir, "bin"), { recursive: true });
    const copy = join(dir, "bin", os === "win32" ? "vpsbot.exe" : "vpsbot");
    copyFileSync(program, copy);
    chmodSync(copy, 0o755);
    pack(dir, {
      name: `@vpsbot/cli-${system}`, version, description: `The program of the package vpsbot, for ${os} on ${cpu}`,
      license: launcher.license, homepage: launcher.homepage, repository: launcher.repository,
      os: [os], cpu: [cpu], files: ["bin", "LICENSE"], preferUnplugged: true,
    });
  }
  const dir = join(work, "vpsbot");
  cpSync(join(here, "vpsbot"), dir, { recursive: true });
  pack(dir, { ...launcher, version, optionalDependencies: Object.fromEntries(systems.map((s) => [`@vpsbot/cli-${s}`, version])) });
} finally {
  rmSync(work, { recursive: true, force: true });
}
