/** What changes from one trust document to the next, in words a person can agree to before signing. */
import type { TrustDocument, TrustKey, TrustRole } from '../schema/trust.ts';
import { toKeyObject } from './document.ts';
import { algorithmOf } from './keys.ts';

const ROLE_WORDS: Readonly<Record<TrustRole, string>> = {
  provenance: 'provenance',
  release: 'releases',
  root: 'this document',
};

/** One line for each difference, old → new; without an old document, all of the new one. */
export function describeChanges(before: TrustDocument | undefined, after: TrustDocument): readonly string[] {
  const line = `${after.product}/${after.channel}`;
  if (before === undefined) {
    return [
      `begins version ${after.version} for ${line}`,
      ...after.keys.map((key) => `+ ${describeKey(key)}`),
      ...(['release', 'provenance', 'root'] as const).flatMap((role) => describeThreshold(after, role)),
      `expires ${after.expires}`,
      ...(after.minSequence > 0 ? [`lowest accepted sequence: ${after.minSequence}`] : []),
    ];
  }
  const old = new Map(before.keys.map((key) => [key.keyId, key]));
  const now = new Set(after.keys.map((key) => key.keyId));
  const wasRevoked = new Set<string>([...before.revokedKeys, ...before.revokedReleases]);
  const revokedKeys = after.revokedKeys.filter((id) => !wasRevoked.has(id));
  const lines = [
    ...after.keys.flatMap((key) => describeKeyChange(old.get(key.keyId), key)),
    ...before.keys
      .filter((key) => !now.has(key.keyId) && !revokedKeys.includes(key.keyId))
      .map((key) => `- ${describeKey(key)}: no longer`),
    ...revokedKeys.map((id) => `! key ${id} is revoked for ever: its signatures count for nothing`),
    ...after.revokedReleases
      .filter((id) => !wasRevoked.has(id))
      .map((id) => `! release ${id} is revoked for ever: nobody may load it`),
    ...(['release', 'provenance', 'root'] as const).flatMap((role) => describeThresholdChange(before, after, role)),
    ...(before.expires === after.expires ? [] : [`expires ${before.expires} → ${after.expires}`]),
    ...(before.minSequence === after.minSequence
      ? []
      : [`lowest accepted sequence: ${before.minSequence} → ${after.minSequence}`]),
  ];
  return [
    `version ${before.version} → ${after.version} for ${line}`,
    ...(lines.length === 0 ? ['nothing else changes'] : lines),
  ];
}

/** All of a document, for people. */
export function describeDocument(document: TrustDocument): readonly string[] {
  const { product, channel, version, keys, revokedKeys, revokedReleases, minSequence, expires } = document;
  return [
    `version ${version} for ${product}/${channel}, until ${expires}`,
    ...(['release', 'provenance', 'root'] as const).flatMap((role) => describeThreshold(document, role)),
    ...keys.map((key) => `  ${describeKey(key)}`),
    ...revokedKeys.map((id) => `  revoked key ${id}`),
    ...revokedReleases.map((id) => `  revoked release ${id}`),
    minSequence === 0 ? 'no lowest sequence' : `lowest accepted sequence: ${minSequence}`,
  ];
}

function describeKey(key: TrustKey): string {
  return `key ${key.keyId} (${algorithmOf(toKeyObject(key))}) signs ${describeRoles(key)}${describeWindow(key)}`;
}

function describeRoles({ roles }: TrustKey): string {
  return roles.map((role) => ROLE_WORDS[role]).join(' and ');
}

function describeWindow({ validFrom, validUntil }: TrustKey): string {
  const from = validFrom === undefined ? '' : ` from ${validFrom}`;
  return validUntil === undefined ? from : `${from} until ${validUntil}`;
}

function describeKeyChange(before: TrustKey | undefined, after: TrustKey): readonly string[] {
  if (before === undefined) return [`+ ${describeKey(after)}`];
  const [old, now] = [before, after].map((key) => `${describeRoles(key)}${describeWindow(key)}`);
  return old === now ? [] : [`~ key ${after.keyId} signs ${old ?? ''} → ${now ?? ''}`];
}

function describeThreshold(document: TrustDocument, role: TrustRole): readonly string[] {
  const threshold = document.thresholds[role];
  if (threshold === undefined) return [];
  return [`${threshold} of ${countKeys(document, role)} keys must sign ${ROLE_WORDS[role]}`];
}

function describeThresholdChange(before: TrustDocument, after: TrustDocument, role: TrustRole): readonly string[] {
  const [old] = describeThreshold(before, role);
  const [now] = describeThreshold(after, role);
  if (old === now) return [];
  return [`${old ?? `nobody signs ${ROLE_WORDS[role]}`} → ${now ?? 'nobody'}`];
}

function countKeys({ keys }: TrustDocument, role: TrustRole): number {
  return keys.filter(({ roles }) => roles.includes(role)).length;
}
