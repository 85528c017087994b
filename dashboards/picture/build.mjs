// node build.mjs FOLDER: the page that draws, with Grafana's icons and the fonts that it uses, into it.
import { build } from "esbuild";
import { cp, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const folder = process.argv[2];
// By the names under which Grafana's styles look for them.
const copies = {
  "@grafana/ui/dist/public/img/icons": "img/icons",
  "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": [
    "fonts/inter/Inter-Regular.woff2",
    "fonts/inter/Inter-Medium.woff2",
  ],
  "@fontsource/roboto-mono/files/roboto-mono-latin-400-normal.woff2":
    "fonts/roboto/L0xTDF4xlVMF-BfR8bXMIhJHg45mwgGEFl0_3vrtSM1J-gEPT5Ese6hmHSh0mQ.woff2",
};
const page = `<!doctype html><meta charset="utf-8"><title>Dashboard</title><style>body { margin: 0 }</style><link rel="stylesheet" href="page.css">
<div id="page"></div><script src="page.js"></script>`;

// What is called .mjs is given CommonJS packages as Node does: their default export within another object, which React
// can't draw. Called .js, it is given what it was written for.
const plain = {
  name: "plain",
  setup(bundle) {
    bundle.onResolve({ filter: /\.mjs$|^@grafana\// }, async ({ path, pluginData, ...from }) => {
      if (pluginData === plain) return undefined;
      const found = await bundle.resolve(path, { ...from, namespace: "file", pluginData: plain });
      return found.path.endsWith(".mjs") ? { path: `${found.path}.js`, namespace: "plain", sideEffects: false } : found;
    });
    bundle.onLoad({ filter: /./, namespace: "plain" }, async ({ path }) => ({
      contents: await readFile(path.replace(/\.js$/, "")),
      resolveDir: dirname(path),
      loader: "js",
    }));
  },
};

await build({
  entryPoints: ["page/page.jsx"],
  outfile: join(folder, "page.js"),
  bundle: true,
  format: "iife",
  jsx: "automatic",
  minify: true,
  loader: { ".woff2": "empty", ".woff": "empty", ".svg": "empty", ".ttf": "empty" },
  define: { "process.env.NODE_ENV": '"production"', global: "window" },
  plugins: [plain],
  logLevel: "error",
});
for (const [from, to] of Object.entries(copies)) {
  for (const name of [to].flat())
    await cp(join("node_modules", from), join(folder, "public", name), { recursive: true });
}
await writeFile(join(folder, "index.html"), page);
