// Write .br and .gz files next to every file of the export that is worth compressing, so that no server compresses at request time.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const COMPRESSIBLE = new Set([".css", ".html", ".ico", ".js", ".json", ".svg", ".txt", ".xml", ".webmanifest"]);
const SMALLEST_BYTES = 512;
const brotli = promisify(brotliCompress);
const gz = promisify(gzip);

async function compress(path) {
  const bytes = await readFile(path);
  if (bytes.length < SMALLEST_BYTES) return;
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  await Promise.all([
    brotli(bytes, { params }).then((made) => writeFile(`${path}.br`, made)),
    gz(bytes, { level: 9 }).then((made) => writeFile(`${path}.gz`, made)),
  ]);
}

const root = new URL("../out", import.meta.url).pathname;
const found = await readdir(root, { recursive: true, withFileTypes: true });
await Promise.all(
  found
    .filter((file) => file.isFile() && COMPRESSIBLE.has(extname(file.name)))
    .map((file) => compress(join(file.parentPath, file.name))),
);
