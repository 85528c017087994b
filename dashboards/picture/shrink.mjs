// node shrink.mjs FILE: a PNG file with 256 colours of its own, in place.
import { readFile, writeFile } from "node:fs/promises";
import sharp from "sharp";

const path = process.argv[2];
const picture = sharp(await readFile(path)).png({ palette: true, colours: 256, dither: 0, effort: 7 });
await writeFile(path, await picture.toBuffer());
