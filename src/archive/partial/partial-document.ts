/**
 * `partial.json`: what a delta leaves out of its release, and which releases had it. Nothing vouches for it, and nothing
 * needs to: what it says is missing is found by digest or not at all, so that a lie in it can only fail.
 */
import * as z from 'zod';
import { parseCanonically, serializeCanonically } from '../../base/json/canonical-json.ts';
import { listOf } from '../../base/schemas/list.ts';
import { DigestText } from '../../content/content-graph.ts';
import { IntegrityError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { Inventory } from '../inventory/inventory-schema.ts';
import { MemberPath } from '../layout/archive-layout.ts';

/** Bytes of `partial.json`: room for every digest of the largest inventory. */
export const MAX_PARTIAL_BYTES: number = 16 * 1024 * 1024;
/** Releases that a delta counts on. */
export const MAX_BASES = 64;
const MAX_OMITTED = 100_000;

/** A release that has what is left out. */
export const PartialBase = z.strictObject({
  name: Inventory.shape.name,
  version: Inventory.shape.version,
  /** Of its `release.json`. */
  inventory: DigestText,
  omitted: listOf(DigestText, MAX_OMITTED, 1),
});
export type PartialBase = z.infer<typeof PartialBase>;

/** The whole document. Key order is the order of `partial.json`. */
export const PartialDocument = z.strictObject({
  formatVersion: z.literal(1),
  bases: listOf(PartialBase, MAX_BASES),
});
export type PartialDocument = z.infer<typeof PartialDocument>;

/** The bytes of `partial.json`. */
export function serializePartial(document: PartialDocument): Buffer {
  return serializeCanonically(PartialDocument.parse(document));
}

/**
 * Reads `partial.json` of a delta of this release: canonical, each list sorted, nothing twice, and nothing left out that
 * a delta always carries.
 * @throws IntegrityError `MALFORMED`
 */
export function parsePartial(bytes: Buffer, inventory: Inventory): PartialDocument {
  const hint = 'the delta was damaged or changed; copy it again from its source';
  const document = parseCanonically(PartialDocument, bytes, MemberPath.partial, MAX_PARTIAL_BYTES, hint);
  assertSorted('bases', document.bases.map((base) => base.inventory)); // prettier-ignore
  const allowed = omittable(inventory);
  const seen = new Set<Digest>();
  for (const { omitted } of document.bases) {
    assertSorted('omitted', omitted);
    for (const digest of omitted) {
      if (!allowed.has(digest)) throw malformed(`leaves out ${digest}, which is no layer that a delta may leave out`);
      if (seen.has(digest)) throw malformed(`leaves out ${digest} twice`);
      seen.add(digest);
    }
  }
  return document;
}

/** All that a delta leaves out, by digest, with the release that has it. */
export function omittedBy({ bases }: PartialDocument): ReadonlyMap<Digest, PartialBase> {
  return new Map(bases.flatMap((base) => base.omitted.map((digest) => [digest, base] as const)));
}

/** What a delta leaves out, in short. */
export interface Omissions {
  /** The releases that have it, by name and version. */
  readonly bases: readonly { readonly name: string; readonly version: string }[];
  /** Layers that are left out. */
  readonly omitted: number;
  /** bytes of them */
  readonly omittedBytes: number;
}

/** The numbers of a delta. */
export function summarizeOmissions({ bases }: PartialDocument, inventory: Inventory): Omissions {
  const sizes = omittable(inventory);
  const omitted = bases.flatMap((base) => base.omitted);
  return {
    bases: bases.map(({ name, version }) => ({ name, version })),
    omitted: omitted.length,
    omittedBytes: omitted.reduce((sum, digest) => sum + (sizes.get(digest) ?? 0), 0),
  };
}

/**
 * What a delta of a release may leave out, with its size in bytes: layers. Manifests, configs and files are small, and
 * all that a reader decides by: with them in the delta, it can be verified to the last name by itself.
 */
export function omittable({ manifests, blobs, files }: Inventory): ReadonlyMap<Digest, number> {
  const kept = new Set<Digest | undefined>([
    ...manifests.map(({ config }) => config),
    ...files.map(({ digest }) => digest),
  ]);
  const layers = blobs.filter(({ digest, size }) => size > 0 && !kept.has(digest));
  return new Map(layers.map(({ digest, size }) => [digest, size]));
}

function assertSorted(name: string, keys: readonly string[]): void {
  const wrong = keys.find((key, index) => index > 0 && (keys[index - 1] as string) >= key);
  if (wrong !== undefined) throw malformed(`${name} is not sorted or repeats ${wrong}`);
}

function malformed(why: string): IntegrityError {
  return new IntegrityError('MALFORMED', `${MemberPath.partial} ${why}`, {
    hint: 'the delta was not made by this product or was changed; do not load it',
    details: { member: MemberPath.partial },
  });
}
