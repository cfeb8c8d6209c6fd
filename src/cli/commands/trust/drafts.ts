/** Shows a draft of a trust document before it is written, writes it, and says who has to sign. */
import { join } from 'node:path';
import { UsageError } from '../../../errors.ts';
import { readTrustDirectory, trustFileName, writeTrustFile } from '../../../trust/documents/document-files.ts';
import { describeChanges } from '../../../trust/documents/changes.ts';
import type { TrustRecord, TrustVersions } from '../../../trust/documents/trust-document.ts';
import {
  changeTrust,
  isFinished,
  signatureNeeds,
  type SignatureNeed,
  type TrustChanges,
} from '../../../trust/documents/draft.ts';
import { keyId } from '../../../trust/keys/public-key.ts';
import { count, flag } from '../../command.ts';
import type { Context } from '../../context.ts';
import { readPublicKey } from '../../inputs/keys.ts';

const MAX_THRESHOLD = 256;

export const planOption = flag('--plan', 'show the difference and write nothing');

/** How many have to sign. */
export const thresholdOptions = {
  releaseThreshold: count('--release-threshold <n>', 'how many keys must sign a release', 1, MAX_THRESHOLD),
  rootThreshold: count('--root-threshold <n>', 'how many keys must sign this document', 1, MAX_THRESHOLD),
  provenanceThreshold: count('--provenance-threshold <n>', 'how many keys must sign provenance', 1, MAX_THRESHOLD),
} as const;

/** The thresholds that were given. */
export function toThresholds(options: {
  readonly releaseThreshold: number | undefined;
  readonly rootThreshold: number | undefined;
  readonly provenanceThreshold: number | undefined;
}): NonNullable<TrustChanges['thresholds']> {
  const { releaseThreshold: release, rootThreshold: root, provenanceThreshold: provenance } = options;
  return {
    ...(release === undefined ? {} : { release }),
    ...(root === undefined ? {} : { root }),
    ...(provenance === undefined ? {} : { provenance }),
  };
}

/** Changes the newest document of a directory: shows the difference, then writes the draft. */
export async function changeAndReport(
  context: Context,
  directory: string,
  changes: TrustChanges,
  isPlan: boolean,
): Promise<void> {
  const records = await readTrustDirectory(directory);
  const draft = changeTrust(records, changes);
  const kept = records.filter(({ document }) => document.version < draft.document.version);
  const newest = records.at(-1) as TrustRecord;
  const dropped = isFinished(records) ? 0 : newest.envelope.signatures.size;
  await writeAndReport(context, directory, kept, draft, isPlan);
  if (dropped > 0 && !isPlan)
    context.output.note(`the draft had signatures (${dropped}), which do not cover the change`);
}

/** Shows what a draft changes and, unless it is only a plan, writes it. */
export async function writeAndReport(
  context: Context,
  directory: string,
  before: readonly TrustRecord[],
  draft: TrustRecord,
  isPlan: boolean,
): Promise<void> {
  const { output } = context;
  const path = join(directory, trustFileName(draft.document.version));
  const changes = describeChanges(before.at(-1)?.document, draft.document);
  const needs = signatureNeeds([...before, draft] as readonly TrustRecord[] as TrustVersions);
  // Before writing: no change on disk goes unshown.
  output.result({ kind: 'trust-draft', path, digest: draft.digest, changes, needs, written: !isPlan }, changes);
  if (isPlan) {
    output.note('nothing was written');
    return;
  }
  await writeTrustFile(directory, draft);
  output.note(`wrote ${path}, a draft: it counts once it is signed`);
  for (const line of needLines(needs)) output.note(line);
  output.note(`next: airgap trust sign ${directory} --key ROOT.key`);
}

/** Who has signed and who has to. */
export function needLines(needs: readonly SignatureNeed[]): readonly string[] {
  return needs.flatMap(({ whose, threshold, signed, missing }) => {
    const isEnough = signed.length >= threshold;
    const open = isEnough ? [] : missing.map((id) => `    has not signed: ${id}`);
    return [`  ${signed.length} of ${threshold} signatures by the root keys of ${whose}`, ...open];
  });
}

/** A key id, given as such or as the public key's file. */
export async function readKeyId(text: string, signal: AbortSignal): Promise<string> {
  if (/^[a-f0-9]{64}$/.test(text)) return text;
  if (/^[a-f0-9]{8,63}$/.test(text)) {
    throw new UsageError('USAGE', `${text} is not a whole key id`, { hint: 'give all 64 digits, or the .pub file' });
  }
  return keyId(await readPublicKey(text, signal));
}
