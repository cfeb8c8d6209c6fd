/** The provenance file of a Helm chart: a message signed with OpenPGP that names the chart's package and its SHA-256. */
import type * as OpenPgp from 'openpgp';
import type { CleartextMessage, Key } from 'openpgp';
import * as z from 'zod';
import { readYaml } from '../../base/yaml-source.ts';
import { AirgapError, IntegrityError, NotFoundError, TrustError, UsageError } from '../../errors.ts';

/** Bytes of a keyring. */
export const MAX_KEYRING_BYTES: number = 16 * 1024 * 1024;

/** GnuPG's own database, which is not the format of OpenPGP. */
const KEYBOX = Buffer.from('KBXf');
/** Stands between the Chart.yaml and the sums. */
const DIVIDER = '\n...\n';

const Sums = z.object({ files: z.record(z.string(), z.string()) });

/** What a provenance file is verified with, and what it must be about. */
export interface ProvenanceQuestion {
  /** The file, and what messages call it. */
  readonly provenance: Uint8Array;
  readonly shownAs: string;
  /** Public keys as `gpg --export` writes them, armoured or not, and what messages call them. */
  readonly keyring: Uint8Array;
  readonly keyringName: string;
  /** `app-1.2.3.tgz` */
  readonly fileName: string;
  /** SHA-256 of the package, in hexadecimal. */
  readonly sha256: string;
  /** Keys and signatures must be valid then. */
  readonly now: Date;
}

/** Who signed. */
export interface ProvenanceSigner {
  /** Of the primary key, in hexadecimal. */
  readonly fingerprint: string;
  /** As the key says: `Jane <jane@example.com>`. */
  readonly userIds: readonly string[];
}

/**
 * Insists that a key of the keyring signed the message, and that the message names the package.
 * @throws TrustError `UNTRUSTED_SIGNER` for a key that is not in the keyring, `EXPIRED` or `REVOKED` for one that no longer
 *   counts, `SIGNATURE_INVALID` for a message that was changed, `SUBJECT_MISMATCH` for one about another package.
 * @throws IntegrityError `MALFORMED` for what is no provenance file, UsageError `INVALID_SPEC` for what is no keyring.
 * @throws NotFoundError `NOT_FOUND` where the package `openpgp` is not installed.
 * @see https://helm.sh/docs/topics/provenance/
 */
export async function verifyChartProvenance(question: ProvenanceQuestion): Promise<ProvenanceSigner> {
  const { shownAs, now } = question;
  const openpgp = await loadOpenpgp();
  const keys = await readKeys(question);
  const message = await readMessage(question);
  const ids = message.getSigningKeyIDs();
  if (ids.length === 0) throw malformed(shownAs, 'holds no signature');
  for (const id of ids) {
    const key = keys.find((candidate) => candidate.getKeys(id).length > 0);
    if (key === undefined) continue;
    await assertUsable(key, id, question);
    const { signatures } = await openpgp.verify({ message, verificationKeys: key, date: now });
    const own = signatures.filter(({ keyID }) => keyID.equals(id));
    const outcomes = await Promise.allSettled(own.map(({ verified }) => verified));
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (own.length === 0 || failure !== undefined) throw invalid(question, failure?.reason);
    assertSubject(message.getText(), question);
    return { fingerprint: key.getFingerprint(), userIds: key.getUserIDs() };
  }
  const names = ids.map((id) => id.toHex().toUpperCase()).join(', ');
  throw new TrustError(
    'UNTRUSTED_SIGNER',
    `${shownAs}: signature made by unknown entity: no key ${names} in ${question.keyringName}`,
    {
      hint: `if that key is to be trusted, add it to ${question.keyringName} (gpg --export); otherwise do not carry the chart`,
      details: { file: shownAs },
    },
  );
}

/** Beside the program and not in it: its license is the LGPL, and few releases need it. */
async function loadOpenpgp(): Promise<typeof OpenPgp> {
  try {
    return await import('openpgp');
  } catch (cause) {
    throw new NotFoundError(
      'NOT_FOUND',
      'provenance files of charts cannot be verified: the package openpgp is not installed',
      {
        cause,
        hint: 'install hexabase-airgap with npm, which brings it along, or leave out `keyring` and run `helm verify`',
      },
    );
  }
}

async function readKeys({ keyring, keyringName }: ProvenanceQuestion): Promise<readonly Key[]> {
  const openpgp = await loadOpenpgp();
  const refuse = (why: string, cause?: unknown): UsageError =>
    new UsageError('INVALID_SPEC', `${keyringName}: ${why}`, {
      cause,
      hint: `write one with: gpg --export KEY > ${keyringName}`,
    });
  if (Buffer.from(keyring.subarray(0, 64)).includes(KEYBOX))
    throw refuse('is a keybox of GnuPG, not a keyring of OpenPGP');
  const text = Buffer.from(keyring).toString('latin1').trimStart();
  const isArmored = text.startsWith('-----BEGIN PGP');
  try {
    const keys = await (isArmored
      ? openpgp.readKeys({ armoredKeys: text })
      : openpgp.readKeys({ binaryKeys: Uint8Array.from(keyring) }));
    if (keys.length > 0) return keys;
  } catch (error) {
    throw refuse('is no keyring of OpenPGP', error);
  }
  throw refuse('holds no key');
}

async function readMessage({ provenance, shownAs }: ProvenanceQuestion): Promise<CleartextMessage> {
  const openpgp = await loadOpenpgp();
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(provenance);
  } catch (cause) {
    throw malformed(shownAs, 'is not text', cause);
  }
  try {
    return await openpgp.readCleartextMessage({ cleartextMessage: text });
  } catch (error) {
    throw malformed(shownAs, 'is no message signed with OpenPGP', error);
  }
}

/** As Helm does, by today and not by the day of the signature: a key that was withdrawn vouches for nothing. */
async function assertUsable(
  key: Key,
  id: ReturnType<CleartextMessage['getSigningKeyIDs']>[number],
  question: ProvenanceQuestion,
): Promise<void> {
  const { now, shownAs, keyringName } = question;
  const who = `${shownAs}: signed by ${key.getUserIDs()[0] ?? key.getFingerprint()}, whose key`;
  const hint = `have the chart signed with a key that is valid, and that key put in ${keyringName}`;
  const details = { file: shownAs };
  if (await key.isRevoked(undefined, undefined, now))
    throw new TrustError('REVOKED', `${who} is revoked`, { hint, details });
  const ends = await key.getExpirationTime();
  if (ends instanceof Date && ends <= now) {
    throw new TrustError('EXPIRED', `${who} expired on ${ends.toISOString().slice(0, 10)}`, { hint, details });
  }
  try {
    await key.getSigningKey(id, now);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const code = /expired/i.test(why) ? 'EXPIRED' : /revoked/i.test(why) ? 'REVOKED' : 'SIGNATURE_INVALID';
    throw new TrustError(code, `${who} may not sign: ${why}`, { hint, details, cause: error });
  }
}

function assertSubject(text: string, { shownAs, fileName, sha256 }: ProvenanceQuestion): void {
  const at = text.replaceAll('\r\n', '\n').indexOf(DIVIDER);
  if (at < 0) throw malformed(shownAs, 'message block must have at least two parts');
  const sums = readSums(text.replaceAll('\r\n', '\n').slice(at + DIVIDER.length), shownAs);
  const hint = 'the provenance file belongs to another package: fetch both again from where they were published';
  const details = { file: shownAs };
  const sum = Object.hasOwn(sums.files, fileName) ? sums.files[fileName] : undefined;
  if (sum === undefined) {
    throw new TrustError(
      'SUBJECT_MISMATCH',
      `${shownAs}: provenance does not contain a SHA for a file named ${JSON.stringify(fileName)}`,
      { hint, details },
    );
  }
  if (sum.toLowerCase() !== `sha256:${sha256}`) {
    throw new TrustError(
      'SUBJECT_MISMATCH',
      `${shownAs}: sha256 sum does not match for ${fileName}: ${JSON.stringify(sum)} != "sha256:${sha256}"`,
      { hint, details },
    );
  }
}

function readSums(text: string, shownAs: string): z.infer<typeof Sums> {
  try {
    return Sums.parse(readYaml(text, shownAs)[0]?.value);
  } catch (error) {
    if (!(error instanceof AirgapError) && !(error instanceof z.ZodError)) throw error;
    throw malformed(shownAs, 'names no files with their sums', error);
  }
}

function invalid({ shownAs }: ProvenanceQuestion, cause: unknown): TrustError {
  const why = cause instanceof Error ? cause.message : 'no signature fits';
  return new TrustError('SIGNATURE_INVALID', `${shownAs}: the signature does not fit: ${why}`, {
    cause,
    hint: 'the file was changed after it was signed: fetch it and its package again from where they were published',
    details: { file: shownAs },
  });
}

function malformed(shownAs: string, why: string, cause?: unknown): IntegrityError {
  return new IntegrityError('MALFORMED', `${shownAs}: ${why}`, {
    cause,
    hint: 'this is no provenance file of Helm; `helm package --sign` writes one',
  });
}
