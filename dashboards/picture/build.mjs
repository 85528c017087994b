// node build.mjs FOLDER: the page that draws, with Grafana's icons and the fonts that it uses, into it.
import { build } from "esbuild";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";

const folder = process.argv[2];
// By the names under which Grafana's styles look for them.
const copies = {
  "@grafana/ui/dist/public/img/icons": "img/icons",
  "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": ["fonts/inter/Inter-Regular.woff2", "fonts/inter/Inter-Medium.woff2"],
  "@fontsource/roboto-mono/files/roboto-mono-latin-400-normal.woff2":
    "fonts/roboto/L0xTDF4xlVMF-BfR8bXMIhJHg45mwgGEFl0_3vrtSM1J-gEPT5Ese6hmHSh0mQ.woff2",
};
const page = `<!doctype html><meta charset="utf-8"><title>Dashboard</title><link rel="stylesheet" href="page.css">
<div id="page"></div><script src="page.js"></script>`;

await build({
  entryPoints: ["page/page.jsx"],
  outfile: join(folder, "page.js"),
  bundle: true,
  format: "iife",
  jsx: "automatic",
  minify: true,
  loader: { ".woff2": "empty", ".woff": "empty", ".svg": "empty", ".ttf": "empty" },
  define: { "process.env.NODE_ENV": '"production"', global: "window" },
  logLevel: "error",
});
for (const [from, to] of Object.entries(copies)) {
  for (const name of [to].flat()) await cp(join("node_modules", from), join(folder, "public", name), { recursive: true });
}
await writeFile(join(folder, "index.html"), page);
