/** Packs FOLDER/helm-engine.wasm and writes its description and notices: node pack.ts FOLDER HELM-VERSION */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import { collectNotices } from './notices.ts';
import { digestSources } from './sources.ts';

const [folder = '', helm = ''] = process.argv.slice(2);
const module = readFileSync(join(folder, 'helm-engine.wasm'));
const packed = zstdCompressSync(module, {
  params: { [constants.ZSTD_c_compressionLevel]: 19, [constants.ZSTD_c_windowLog]: 23 },
});
writeFileSync(join(folder, 'helm-engine.notices.txt'), collectNotices(readFileSync(join(folder, 'modules'), 'utf8')));
const digest = `sha256:${createHash('sha256').update(packed).digest('hex')}`;
writeFileSync(join(folder, 'helm-engine.wasm.zst'), packed);
const description = { helm, digest, size: module.length, sources: digestSources() };
writeFileSync(join(folder, 'helm-engine.json'), `${JSON.stringify(description, null, 2)}\n`);
