/** `airgap trust sign`: a root key agrees to the newest version of a trust document. */
import { UsageError } from '../../../errors.ts';
import type { TrustRecord, TrustVersions } from '../../../trust/documents/trust-document.ts';
import { argument, defineCommand } from '../../command.ts';
import { keyOptions } from '../../options/signer-options.ts';
import { needLines, planOption } from './drafts.ts';

export const trustSign = defineCommand({
  name: 'trust sign',
  summary: 'sign the newest version with a root key: of that version, or of the one before',
  examples: ['trust sign trust --key root.key', 'trust sign trust --key my-hsm://root', 'trust sign trust --plan'],
  arguments: { directory: argument('directory', 'where the versions are kept') },
  options: {
    ...keyOptions,
    plan: planOption,
  },
  async run(context, { directory }, options) {
    const { readTrustDirectory, writeTrustFile } = await import('../../../trust/documents/document-files.ts');
    const { describeChanges } = await import('../../../trust/documents/changes.ts');
    const { keysOf, toTrustRecord } = await import('../../../trust/documents/trust-document.ts');
    const { isFinished, verifyChain, signatureNeeds } = await import('../../../trust/documents/draft.ts');
    const { openKeySigners } = await import('../../inputs/signers.ts');
    const { output } = context;
    const { plan } = options;
    const records = await readTrustDirectory(directory);
    const [newest, before] = [records.at(-1) ?? records[0], records.at(-2)];
    const changes = describeChanges(before?.document, newest.document);
    // Before signing: a person agrees to words, not to a digest.
    for (const line of changes) output.note(line);
    const roots = new Set(
      [newest, before].flatMap((record) => [...keysOf(record?.document ?? newest.document, 'root').keys()]),
    );
    let { envelope } = newest;
    if (!plan && options.key.length === 0) {
      throw new UsageError('USAGE', 'no key to sign with', { hint: 'give --key root.key' });
    }
    for (const signer of plan ? [] : await openKeySigners(context, options)) {
      if (!roots.has(signer.keyId)) {
        throw new UsageError('USAGE', `key ${signer.keyId} is not a root key of this version or the one before`, {
          hint: `root keys are ${[...roots].join(', ')}`,
        });
      }
      envelope = await signer.signEnvelope(envelope);
    }
    const signed = toTrustRecord(envelope, newest.name);
    const chain = [...records.slice(0, -1), signed] as readonly TrustRecord[] as TrustVersions;
    const needs = signatureNeeds(chain);
    const complete = isFinished(chain);
    // What is complete has to be accepted by those who follow the chain.
    if (complete) verifyChain(chain);
    if (!plan) await writeTrustFile(directory, signed);
    output.result(
      { kind: 'trust-signature', path: newest.name, digest: newest.digest, changes, needs, complete, written: !plan },
      [
        `${newest.name}: version ${newest.document.version}, ${complete ? 'complete' : 'not complete yet'}`,
        `  digest ${newest.digest}`,
        ...needLines(needs),
      ],
    );
    if (plan) output.note('nothing was signed');
    else if (complete) output.note(`next: airgap build release.yaml --key RELEASE.key --trust ${directory}`);
  },
});
