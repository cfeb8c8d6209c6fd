/** `airgap trust show | verify`: what a trust document says, and whether its chain holds. */
import { argument, defineCommand, text } from '../../command.ts';
import { needLines } from './drafts.ts';

const path = argument('path', 'a trust document, or the directory of its versions');

export const trustShow = defineCommand({
  name: 'trust show',
  summary: 'show the newest version of a trust document, and who signed it; verifies nothing',
  examples: ['trust show trust', 'trust show trust/1.trust.json'],
  arguments: { path },
  options: {},
  async run({ output }, { path: place }) {
    const { readTrustChain } = await import('../../../trust/documents/document-files.ts');
    const { describeDocument } = await import('../../../trust/documents/changes.ts');
    const { isFinished, signatureNeeds } = await import('../../../trust/documents/draft.ts');
    const records = await readTrustChain(place);
    const newest = records.at(-1) ?? records[0];
    const needs = signatureNeeds(records);
    const complete = isFinished(records);
    output.result(
      {
        kind: 'trust-document',
        path: newest.name,
        digest: newest.digest,
        document: newest.document,
        needs,
        complete,
      },
      [
        newest.name,
        ...describeDocument(newest.document),
        `digest ${newest.digest}; compare it over the phone`,
        complete ? 'signed:' : 'a DRAFT, not signed by enough keys yet:',
        ...needLines(needs),
      ],
    );
  },
});

export const trustVerify = defineCommand({
  name: 'trust verify',
  summary: 'verify that enough root keys of each version and of the one before it have signed',
  examples: ['trust verify trust', 'trust verify trust --from pinned.trust.json'],
  arguments: { path },
  options: {
    from: text('--from <file>', 'begin at this document, the one a site pinned (default: the oldest there is)'),
  },
  async run({ output, now, signal }, { path: place }, { from }) {
    const { readTrustChain, readTrustFile } = await import('../../../trust/documents/document-files.ts');
    const { anchorTrust, toLink, walkChain } = await import('../../../trust/documents/trust-chain.ts');
    const records = await readTrustChain(place, signal);
    const anchor = anchorTrust(from === undefined ? records[0] : await readTrustFile(from, signal));
    const { document, digest, history } = walkChain(anchor, records.map(toLink));
    const isExpired = now().getTime() > Date.parse(document.expires);
    output.result(
      { kind: 'trust-chain', path: place, history, digest, expires: document.expires, expired: isExpired },
      [
        ...history.map((step) => `version ${step.version}  ${step.digest}`),
        `${isExpired ? 'EXPIRED since' : 'valid until'} ${document.expires}`,
      ],
    );
  },
});
