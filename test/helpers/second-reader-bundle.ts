/** The second reader's view of a bundle, from docs/format.md alone: what names the signer, and the one spelling of it. */
import { X509Certificate } from 'node:crypto';

/** What was read of the part before the signature. */
export interface Material {
  /** The text of it, as it has to stand. */
  readonly exact: string;
  /** A key id, or issuer and subject. */
  readonly signer: string;
  readonly keyId: string | undefined;
}

type Insist = (holds: boolean, what: string) => void;

interface Entry {
  /** Numbers that are 0 are left out. */
  readonly logIndex?: string;
  readonly logId: { readonly keyId: string };
  readonly kindVersion: { readonly kind: string; readonly version: string };
  readonly integratedTime?: string;
  readonly inclusionPromise?: { readonly signedEntryTimestamp: string };
  readonly inclusionProof: {
    readonly logIndex?: string;
    readonly rootHash: string;
    readonly treeSize: string;
    readonly hashes?: readonly string[];
    readonly checkpoint: { readonly envelope: string };
  };
  readonly canonicalizedBody: string;
}

interface Json {
  readonly verificationMaterial?: {
    readonly publicKey?: { readonly hint?: string };
    readonly certificate?: { readonly rawBytes: string };
    readonly tlogEntries?: readonly [Entry];
    readonly timestampVerificationData?: { readonly rfc3161Timestamps?: readonly { signedTimestamp: string }[] };
  };
}

/** Section 7.1: the material of a bundle, written again from what was read. */
export function readMaterial(text: string, insist: Insist): Material {
  const { verificationMaterial: material } = parse(text, insist);
  const { publicKey, certificate, tlogEntries: [entry] = [], timestampVerificationData } = material ?? {};
  const tokens = timestampVerificationData?.rfc3161Timestamps ?? [];
  insist(tokens.length <= 4, 'timestamps');
  for (const { signedTimestamp } of tokens) {
    insist(signedTimestamp !== '' && signedTimestamp.length <= 10_924 && canonical(signedTimestamp), 'timestamp');
  }
  const times = tokens.map(({ signedTimestamp }) => `{"signedTimestamp":"${signedTimestamp}"}`).join(',');
  const timestamps = `"timestampVerificationData":${times === '' ? '{}' : `{"rfc3161Timestamps":[${times}]}`}`;
  if (certificate === undefined || entry === undefined) {
    const hint = publicKey?.hint ?? '';
    insist(canonical(hint) && Buffer.from(hint, 'base64').length === 32, 'hint');
    const keyId = Buffer.from(hint, 'base64').toString('hex');
    return { exact: `{"publicKey":{"hint":"${hint}"},${timestamps}}`, signer: keyId, keyId };
  }
  const rawBytes = certificate.rawBytes;
  const exact = `{"certificate":{"rawBytes":"${rawBytes}"},"tlogEntries":[${writeEntry(entry, insist)}],${timestamps}}`;
  return { exact, signer: nameOf(rawBytes, insist), keyId: undefined };
}

/** Base64 in its one spelling. */
export function canonical(base64: string): boolean {
  return Buffer.from(base64, 'base64').toString('base64') === base64;
}

function parse(text: string, insist: Insist): Json {
  try {
    return JSON.parse(Buffer.from(text, 'latin1').toString('utf8')) as Json;
  } catch {
    insist(false, 'JSON of a bundle');
    throw new Error('unreachable');
  }
}

function writeEntry(entry: Entry, insist: Insist): string {
  const { logIndex = '0', integratedTime = '0', logId, kindVersion, ...rest } = entry;
  const { inclusionPromise, inclusionProof, canonicalizedBody } = rest;
  const { logIndex: leaf = '0', hashes = [], rootHash, treeSize, checkpoint } = inclusionProof;
  const numbers = [logIndex, integratedTime, leaf, treeSize];
  insist(
    numbers.every((number) => /^(0|[1-9][0-9]{0,18})$/.test(number)),
    'numbers of a log entry',
  );
  const bytes = [logId.keyId, rootHash, canonicalizedBody, inclusionPromise?.signedEntryTimestamp ?? '', ...hashes];
  insist(bytes.every(canonical), 'base64 of a log entry');
  const signed = /^([^\u2014]*)\n\n\u2014 \S+ (\S+)\n$/.exec(checkpoint.envelope);
  insist(signed !== null && canonical(signed[2] ?? ''), 'a checkpoint with one signature');
  const [, size, root] = checkpoint.envelope.split('\n');
  insist(size === treeSize && root === rootHash, 'a proof that is its checkpoint’s');
  insist(inclusionPromise !== undefined || (logIndex === leaf && integratedTime === '0'), 'a time');
  const written = JSON.stringify({
    ...nonZero({ logIndex }),
    logId: { keyId: logId.keyId },
    kindVersion: { kind: kindVersion.kind, version: kindVersion.version },
    ...nonZero({ integratedTime }),
    ...(inclusionPromise && { inclusionPromise: { signedEntryTimestamp: inclusionPromise.signedEntryTimestamp } }),
    inclusionProof: {
      ...nonZero({ logIndex: leaf }),
      rootHash,
      treeSize,
      ...(hashes.length === 0 ? {} : { hashes }),
      checkpoint: { envelope: checkpoint.envelope },
    },
    canonicalizedBody,
  });
  return Buffer.from(written).toString('latin1');
}

function nonZero(field: Readonly<Record<string, string>>): object {
  return Object.values(field).includes('0') ? {} : field;
}

/** Issuer and subject: an extension of Fulcio's, and the one alternative name. */
function nameOf(rawBytes: string, insist: Insist): string {
  const der = Buffer.from(rawBytes, 'base64');
  const marker = Buffer.from('060a2b0601040183bf300108', 'hex');
  const at = der.indexOf(marker) + marker.length;
  insist(canonical(rawBytes) && at > marker.length, 'a certificate with an issuer');
  const issuer = der.subarray(at + 4, at + 4 + (der[at + 3] ?? 0)).toString('latin1');
  const subject = new X509Certificate(der).subjectAltName?.replace(/^(URI|email):/, '') ?? '';
  insist(issuer !== '' && subject !== '', 'a certificate that names somebody');
  return `${subject} ${issuer}`;
}
