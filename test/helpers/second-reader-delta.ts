/** Section 12 of docs/format.md, written from that page alone: what a delta is made of. */
import type { Insist, LaidOutMember, Release } from './second-reader.ts';

const DIGEST = /^sha256:[a-f0-9]{64}$/;
const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const VERSION = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/;

interface Base {
  readonly name: string;
  readonly version: string;
  readonly inventory: string;
  readonly omitted: readonly string[];
}

/** The bytes of `partial.json`, where the file begins with it, and those from `checksums.txt` on. */
export function dividePartial(file: Buffer, insist: Insist): { partial: Buffer | undefined; rest: Buffer } {
  if (file.toString('latin1', 0, 13) !== 'partial.json\0') return { partial: undefined, rest: file };
  const field = file.toString('latin1', 124, 136);
  const size = Number.parseInt(field, 8);
  insist(/^[0-7]{11}\0$/.test(field) && size >= 1 && size <= 16 * 1024 * 1024, 'size of partial.json');
  return { partial: file.subarray(512, 512 + size), rest: file.subarray(512 + Math.ceil(size / 512) * 512) };
}

/** The members of the delta of a release whose full archive has these. */
export function layOutDelta(
  bytes: Buffer,
  full: readonly LaidOutMember[],
  release: Release,
  insist: Insist,
): readonly LaidOutMember[] {
  const omitted = readPartial(bytes, release, insist);
  const inventoryAt = full.findIndex(({ path }) => path === 'release.json');
  const front = full.slice(0, inventoryAt + 1);
  const contentOf = (members: readonly LaidOutMember[]): Map<string, number> =>
    new Map(
      members.flatMap(({ pieces }) =>
        pieces.flatMap((piece) => ('digest' in piece ? [[piece.digest, piece.size] as const] : [])),
      ),
    );
  const inFront = contentOf(front);
  const carried = [...contentOf(full.slice(inventoryAt + 1))]
    .filter(([digest, size]) => size > 0 && !omitted.has(digest) && !inFront.has(digest))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    { path: 'partial.json', size: bytes.length, pieces: [{ bytes }] },
    ...front,
    ...carried.map(([digest, size]) => ({
      path: `blobs/sha256/${digest.slice(7)}`,
      size,
      pieces: [{ digest, size }],
    })),
  ];
}

function readPartial(bytes: Buffer, { manifests, blobs, files }: Release, insist: Insist): ReadonlySet<string> {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString());
  } catch {
    insist(false, 'JSON of partial.json');
  }
  insist(bytes.equals(Buffer.from(`${JSON.stringify(json, null, 1)}\n`)), 'canonical partial.json');
  const keysAre = (value: unknown, keys: string): boolean => Object.keys(value as object).join() === keys;
  insist(typeof json === 'object' && json !== null && keysAre(json, 'formatVersion,bases'), 'keys of partial.json');
  const { formatVersion, bases } = json as { formatVersion: unknown; bases: readonly Base[] };
  insist(formatVersion === 1 && Array.isArray(bases) && bases.length <= 64, 'partial.json');
  const ascends = (keys: readonly string[]): boolean => keys.every((key, at) => at === 0 || (keys[at - 1] ?? '') < key);
  for (const base of bases) {
    insist(keysAre(base, 'name,version,inventory,omitted') && Array.isArray(base.omitted), 'keys of a base');
    insist(NAME.test(base.name) && VERSION.test(base.version) && DIGEST.test(base.inventory), 'base');
    insist(base.omitted.length >= 1 && base.omitted.every((each) => DIGEST.test(each)), 'digests left out');
    insist(ascends(base.omitted), 'order of what is left out');
  }
  insist(ascends(bases.map(({ inventory }) => inventory)), 'order of bases');
  const all = bases.flatMap(({ omitted }) => omitted);
  insist(new Set(all).size === all.length, 'left out once');
  const kept = new Set([...manifests.map(({ config }) => config), ...files.map(({ digest }) => digest)]);
  const layers = new Set(blobs.filter(({ digest, size }) => size > 0 && !kept.has(digest)).map(({ digest }) => digest));
  insist(all.every((digest) => layers.has(digest)), 'layers alone are left out'); // prettier-ignore
  return new Set(all);
}
