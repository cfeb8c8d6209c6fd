/** What changes from one trust document to the next, in words a person can agree to before signing. */
import { createHash } from 'node:crypto';
import type { TrustDocument, TrustIdentity, TrustKey, TrustRole } from './trust-document-schema.ts';
import type { PinnedTrustedRoot } from '../signatures/pinned-root-schema.ts';
import { signersFor, toKeyObject } from './trust-document.ts';
import { identityKey, nameTrusted } from '../signatures/identity.ts';
import { algorithmOf } from '../keys/public-key.ts';

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
      ...(after.identities ?? []).map((identity) => `+ ${describeIdentity(identity)}`),
      ...describeRoot(after.trustedRoot).map((line) => `+ ${line}`),
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
    ...revokedKeys.map((id) => `! key ${id} is revoked permanently: its signatures no longer count`),
    ...describeIdentityChanges(before, after),
    ...describeRootChange(before.trustedRoot, after.trustedRoot),
    ...after.revokedReleases
      .filter((id) => !wasRevoked.has(id))
      .map((id) => `! release ${id} is revoked permanently: no site may load it`),
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
    ...(document.identities ?? []).map((identity) => `  ${describeIdentity(identity)}`),
    ...describeRoot(document.trustedRoot).map((line) => `  ${line}`),
    ...revokedKeys.map((id) => `  revoked key ${id}`),
    ...(document.revokedIdentities ?? []).map((identity) => `  revoked identity ${nameTrusted(identity)}`),
    ...revokedReleases.map((id) => `  revoked release ${id}`),
    minSequence === 0 ? 'no lowest sequence' : `lowest accepted sequence: ${minSequence}`,
  ];
}

function describeKey(key: TrustKey): string {
  return `key ${key.keyId} (${algorithmOf(toKeyObject(key))}) signs ${describeRoles(key)}${describeWindow(key)}`;
}

function describeRoles({ roles }: { readonly roles: readonly TrustRole[] }): string {
  return roles.map((role) => ROLE_WORDS[role]).join(' and ');
}

function describeWindow({ validFrom, validUntil }: Pick<TrustKey, 'validFrom' | 'validUntil'>): string {
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
  const what = document.identities === undefined ? 'keys' : 'keys and identities';
  return [`${threshold} of ${signersFor(document, role)} ${what} must sign ${ROLE_WORDS[role]}`];
}

function describeThresholdChange(before: TrustDocument, after: TrustDocument, role: TrustRole): readonly string[] {
  const [old] = describeThreshold(before, role);
  const [now] = describeThreshold(after, role);
  if (old === now) return [];
  return [`${old ?? `no key has to sign ${ROLE_WORDS[role]}`} → ${now ?? 'none'}`];
}

function describeIdentity(identity: TrustIdentity): string {
  return `${nameTrusted(identity)} signs ${describeRoles(identity)}${describeWindow(identity)}`;
}

function describeIdentityChanges(before: TrustDocument, after: TrustDocument): readonly string[] {
  const [old, now] = [before, after].map(
    ({ identities = [] }) => new Map(identities.map((entry) => [identityKey(entry), entry])),
  ) as [Map<string, TrustIdentity>, Map<string, TrustIdentity>];
  const wasRevoked = new Set(before.revokedIdentities?.map(identityKey));
  const revoked = (after.revokedIdentities ?? []).filter((each) => !wasRevoked.has(identityKey(each)));
  const isRevoked = new Set(revoked.map(identityKey));
  return [
    ...[...now].flatMap(([key, entry]) => {
      const was = old.get(key);
      if (was === undefined) return [`+ ${describeIdentity(entry)}`];
      const [from, to] = [was, entry].map((each) => `${describeRoles(each)}${describeWindow(each)}`);
      return from === to ? [] : [`~ ${nameTrusted(entry)} signs ${from ?? ''} → ${to ?? ''}`];
    }),
    ...[...old]
      .filter(([key]) => !now.has(key) && !isRevoked.has(key))
      .map(([, entry]) => `- ${describeIdentity(entry)}: no longer`),
    ...revoked.map((each) => `! ${nameTrusted(each)} is revoked permanently: its signatures no longer count`),
  ];
}

/** What a trusted root pins, each authority and log by where it is and the first digits of what identifies it. */
function describeRoot(root: PinnedTrustedRoot | undefined): readonly string[] {
  const { certificateAuthorities = [], ctlogs = [], tlogs = [], timestampAuthorities = [] } = root ?? {};
  const authority = (what: string, { uri, certChain, validFor }: (typeof certificateAuthorities)[number]): string =>
    `${what} ${uri ?? 'without a name'} (${fingerprint(certChain.certificates[0]?.rawBytes)})${until(validFor)}`;
  const log = (what: string, { baseUrl, publicKey }: (typeof tlogs)[number]): string =>
    `${what} ${baseUrl} (${fingerprint(publicKey.rawBytes)})${until(publicKey.validFor)}`;
  return [
    ...certificateAuthorities.map((each) => authority('certificate authority', each)),
    ...ctlogs.map((each) => log('certificate log', each)),
    ...tlogs.map((each) => log('signature log', each)),
    ...timestampAuthorities.map((each) => authority('timestamp authority', each)),
  ];
}

function describeRootChange(
  before: PinnedTrustedRoot | undefined,
  after: PinnedTrustedRoot | undefined,
): readonly string[] {
  const [old, now] = [describeRoot(before), describeRoot(after)];
  return [
    ...now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
    ...old.filter((line) => !now.includes(line)).map((line) => `- ${line}: no longer`),
  ];
}

function fingerprint(base64 = ''): string {
  return createHash('sha256').update(Buffer.from(base64, 'base64')).digest('hex').slice(0, 16);
}

function until({ start, end }: { readonly start: string; readonly end?: string | undefined }): string {
  return end === undefined ? ` from ${start}` : ` from ${start} until ${end}`;
}
