/** Chart packages as bytes, written the same way every time, on every machine. */
import { deflateRaw } from 'pako';
import { pack } from 'tar-stream';
import { stableGzip } from '../../base/tar/stable-gzip.ts';
import type { ChartFile } from './chart-files.ts';

/** By these two fields of the gzip header Helm marks its packages. */
const GZIP_EXTRA = Buffer.from('+aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo=', 'latin1');
const GZIP_COMMENT = 'Helm';
/** The order in which Helm writes the files it knows; the rest follows by path, dependencies last. */
const KNOWN_ORDER = ['Chart.yaml', 'Chart.lock', 'values.yaml', 'values.schema.json'];

/** Of the entries. It is that of no release, so that a chart that stays as it is stays the same package. */
const MTIME = new Date(0);
/** What `helm package` compresses with. */
const LEVEL = 9;

/**
 * Packs a chart as `helm package` does, but so that the same files give the same bytes on every machine: fixed order,
 * owner, mode and time, and a compression that does not depend on the processor.
 */
export async function packChart(name: string, files: readonly ChartFile[]): Promise<Buffer> {
  const tar = pack();
  for (const { path, bytes } of [...files].sort(byHelmOrder)) {
    tar.entry({ name: `${name}/${path}`, mode: 0o644, uid: 0, gid: 0, mtime: MTIME, type: 'file' }, bytes);
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return stableGzip(Buffer.concat(chunks), { extra: GZIP_EXTRA, comment: GZIP_COMMENT }, deflate);
}

/** In plain JavaScript, so that no processor's or library's way to find matches shows in the bytes. */
function deflate(bytes: Uint8Array): Uint8Array {
  return deflateRaw(bytes, { level: LEVEL });
}

function byHelmOrder(a: ChartFile, b: ChartFile): number {
  return rankOf(a.path) - rankOf(b.path) || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
}

function rankOf(path: string): number {
  const known = KNOWN_ORDER.indexOf(path);
  if (known >= 0) return known;
  if (path.startsWith('templates/')) return KNOWN_ORDER.length;
  return path.startsWith('charts/') ? KNOWN_ORDER.length + 2 : KNOWN_ORDER.length + 1;
}
