// node shrink.mjs FILE ...: PNG files with 256 colours of their own, in place.
import { readFile, writeFile } from "node:fs/promises";
import sharp from "sharp";

for (const path of process.argv.slice(2)) {
  const shrunk = await sharp(await readFile(path))
    .png({ palette: true, colours: 256, dither: 0, effort: 7, compressionLevel: 9 })
    .toBuffer();
  await writeFile(path, shrunk);
}
