// Writes one file of a zip archive to standard output: node scripts/zip-entry.mjs ARCHIVE NAME
// For machines without unzip; runs on the Node that npm brings, however old.
import { readFileSync, writeSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';

/** @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.3.7, 4.3.12, 4.3.16) */
const END = 0x06054b50;
const END_BYTES = 22;
const ENTRY = 0x02014b50;
const STORED = 0;
const DEFLATED = 8;

const [file, name] = process.argv.slice(2);
const zip = readFileSync(file);

let end = zip.length - END_BYTES;
while (end >= 0 && zip.readUInt32LE(end) !== END) end -= 1;
if (end < 0) throw new Error(`${file} is no zip archive`);

let at = zip.readUInt32LE(end + 16);
for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
  if (zip.readUInt32LE(at) !== ENTRY) throw new Error(`${file} is damaged`);
  const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset));
  if (zip.toString('utf8', at + 46, at + 46 + nameBytes) === name) {
    write(open(zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 42)));
    process.exit(0);
  }
  at += 46 + nameBytes + extraBytes + commentBytes;
}
throw new Error(`${file} holds no ${name}`);

/** The bytes of an entry; its local header says where they start. */
function open(method, size, header) {
  const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
  const bytes = zip.subarray(start, start + size);
  if (method === STORED) return bytes;
  if (method === DEFLATED) return inflateRawSync(bytes);
  throw new Error(`${name} is compressed in a way this script does not know: ${method}`);
}

/** All of it, before the process ends. */
function write(bytes) {
  for (let written = 0; written < bytes.length;) written += writeSync(1, bytes, written);
}
