/**
 * The seal of an archive: what stands in front and is read before any signature is checked. Nothing but headers is
 * interpreted here, within limits of their own, so that the file of a stranger costs a bounded amount of work.
 */
import { IntegrityError } from '../../errors.ts';
import { MemberPath } from '../layout/archive-layout.ts';
import { BLOCK_BYTES, encodeHeader, paddingOf } from '../../base/tar/ustar.ts';
import { isSlotPath, MAX_SLOT_BYTES, MAX_SLOTS } from '../inventory/inventory-schema.ts';
import { MAX_INVENTORY_BYTES } from '../inventory/inventory.ts';
import { MAX_PARTIAL_BYTES } from '../partial/partial-document.ts';
import { MAX_TRUST_BYTES, MAX_TRUST_FILES, trustVersionOf } from '../layout/trust-files.ts';
import type { DetachedSignature } from './detached.ts';

/** Bytes of `checksums.txt`: a line for each of a hundred thousand files with the longest paths. */
export const MAX_CHECKSUMS_BYTES: number = 32 * 1024 * 1024;
const MIN_SLOT_BYTES = 512;

/** A member that was read as it is. */
export interface SealedMember {
  readonly path: string;
  readonly bytes: Buffer;
}

/** What of an archive is read before it is decided whether to believe it. */
export interface ArchiveSeal {
  /** Of a delta: the bytes of `partial.json`, which nothing vouches for. */
  readonly partialBytes?: Buffer | undefined;
  /** The bytes of `checksums.txt`, which signatures are over. */
  readonly checksums: Buffer;
  /** In the order of the archive. */
  readonly slots: readonly SealedMember[];
  /** Trust documents, by version. */
  readonly trust: readonly SealedMember[];
  /** Signatures that lie beside the file; none for a stream. */
  readonly detached: readonly DetachedSignature[];
  /** Where `release.json` stands. */
  readonly inventoryPlace: { readonly offset: number; readonly size: number };
  /** Seconds; the time in every header. */
  readonly mtime: number;
}

/** Reads exactly these bytes or throws. Each call starts where the one before ended, or further on. */
export type ReadExactly = (offset: number, length: number) => Promise<Buffer>;

/**
 * Reads the seal of an archive from anything that gives its first bytes in order, up to and with the header of
 * `release.json`.
 * @throws IntegrityError `MALFORMED` when the members are others, or a header is not canonical.
 */
export async function readSeal(read: ReadExactly): Promise<ArchiveSeal> {
  const members: SealedMember[] = [];
  const allowance = { trust: MAX_TRUST_BYTES };
  let mtime: number | undefined;
  for (let offset = 0; ;) {
    const header = parseHeader(await read(offset, BLOCK_BYTES), members.length === 0, mtime);
    offset += BLOCK_BYTES;
    mtime = header.mtime;
    const { path, size } = header;
    assertNext(members, path, size, allowance);
    if (path === MemberPath.inventory) {
      const isDelta = members[0]?.path === MemberPath.partial;
      const partialBytes = isDelta ? members.shift()?.bytes : undefined;
      const [first, ...others] = members;
      const slots = others.filter((member) => isSlotPath(member.path));
      const checksums = first?.bytes ?? Buffer.alloc(0);
      const trust = others.slice(slots.length);
      const inventoryPlace = { offset, size };
      return { partialBytes, checksums, slots, trust, detached: [], inventoryPlace, mtime };
    }
    members.push({ path, bytes: await read(offset, size) });
    offset += size + paddingOf(size);
  }
}

/** What a header says, if it is the one that this product writes for it. */
function parseHeader(
  header: Buffer,
  isFirst: boolean,
  expected: number | undefined,
): { readonly path: string; readonly size: number; readonly mtime: number } {
  const field = (start: number, length: number): string => header.toString('latin1', start, start + length);
  const path = field(0, 100).replace(/\0[^]*$/, '');
  const [size, mtime] = [field(124, 12), field(136, 12)].map((text) =>
    /^[0-7]{11}\0$/.test(text) ? Number.parseInt(text, 8) : Number.NaN,
  ) as [number, number];
  const isFront = path === MemberPath.checksums || path === MemberPath.partial;
  if (isFirst && (!isFront || Number.isNaN(size))) throw notAnArchive('is not an archive of this product');
  const isCanonical =
    /^[a-z]+(\/[0-9]+)?(\.[a-z]+){1,2}$/.test(path) &&
    !Number.isNaN(size) &&
    !Number.isNaN(mtime) &&
    mtime === (expected ?? mtime) &&
    encodeHeader({ path, size, mtime }).equals(header);
  if (!isCanonical)
    throw notAnArchive(`has a header that is not canonical ${isFirst ? 'at its start' : `after ${path}`}`);
  return { path, size, mtime };
}

/** `checksums.txt`, slots, trust documents, `release.json`, each in their order and within their limits. */
function assertNext(members: readonly SealedMember[], path: string, size: number, allowance: { trust: number }): void {
  const previous = members.at(-1)?.path;
  const within = (least: number, most: number): void => {
    if (size < least || size > most) throw notAnArchive(`has ${path} with ${size} bytes, and not ${least} to ${most}`);
  };
  if (previous === undefined && path === MemberPath.partial) return within(1, MAX_PARTIAL_BYTES);
  if (previous === undefined || previous === MemberPath.partial) {
    if (path !== MemberPath.checksums) throw notAnArchive(`has ${path} in the place of ${MemberPath.checksums}`);
    return within(1, MAX_CHECKSUMS_BYTES);
  }
  if (path === MemberPath.inventory) return within(1, MAX_INVENTORY_BYTES);
  const [rank, own] = [previous, path].map(rankOf);
  if (own === undefined || own <= (rank ?? 0)) throw notAnArchive(`has ${path} after ${previous}`);
  const isSlot = isSlotPath(path);
  if (isSlot) within(MIN_SLOT_BYTES, MAX_SLOT_BYTES);
  else within(1, (allowance.trust -= size) + size);
  const before = members.slice(members.findIndex((member) => member.path === MemberPath.checksums) + 1);
  const many = before.filter((member) => isSlotPath(member.path) === isSlot).length;
  if (many >= (isSlot ? MAX_SLOTS : MAX_TRUST_FILES))
    throw notAnArchive(`has too many members before ${MemberPath.inventory}`);
}

/** Members of the seal in their order: signatures, attestations, trust documents, each by number. */
function rankOf(path: string): number | undefined {
  if (path === MemberPath.checksums) return 0;
  const number = Number(/\/([0-9]+)\./.exec(path)?.[1]);
  if (isSlotPath(path)) return number + (path.startsWith('signatures/') ? 0 : 1_000);
  const version = trustVersionOf(path);
  return version === undefined ? undefined : version + 10_000;
}

/** A file that is no archive, or whose front is not what it should be. */
export function notAnArchive(why: string): IntegrityError {
  return new IntegrityError('MALFORMED', `the file ${why}`, {
    hint: 'check that the right file was given and that it was copied completely',
    details: { member: MemberPath.checksums, offset: 0 },
  });
}
