// node build.mjs FOLDER: bundles the browser applications into it, each with a page of its own.
import { build } from "esbuild";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

const folder = process.argv[2];
const applications = ["browser.js", "react.jsx", "vue.js", "angular.ts"];

await mkdir(folder, { recursive: true });
await build({
  entryPoints: applications.map((name) => join("applications", name)),
  outdir: folder,
  bundle: true,
  format: "iife",
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"', __VUE_OPTIONS_API__: "true", __VUE_PROD_DEVTOOLS__: "false" },
  alias: { vue: "vue/dist/vue.esm-bundler.js" },
  tsconfigRaw: { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false } },
  logLevel: "error",
});
for (const name of applications) {
  const script = name.replace(/\.\w+$/, ".js");
  const page = `<!doctype html><meta charset="utf-8"><title>${name}</title><app-root id="app"></app-root><script src="${script}"></script>`;
  await writeFile(join(folder, script.replace(".js", ".html")), page);
}
