/** `airgap trust init`: the first version of a trust document. */
import { readdir } from 'node:fs/promises';
import { makeDirectory } from '../../../base/files/make-directory.ts';
import { UsageError } from '../../../errors.ts';
import { argument, defineCommand, list, requiredText, text, time } from '../../command.ts';
import { identityOptions, namesIdentity, readTrustIdentity } from '../../options/identity-options.ts';
import { readPublicKeys } from '../../inputs/keys.ts';
import { planOption, thresholdOptions, toThresholds, writeAndReport } from './drafts.ts';
import { readTrustedRoot } from '../../inputs/trusted-root-file.ts';

export const trustInit = defineCommand({
  name: 'trust init',
  summary: 'begin a trust document: who may sign releases, and who may change that',
  examples: [
    'trust init trust --product hexabase --root root.pub --release release.pub --expires 2028-01-01',
    'trust init trust --product hexabase --root a.pub --root b.pub --root c.pub --root-threshold 2 \\\n      --release r1.pub --release r2.pub --release-threshold 2 --expires 2028-01-01',
  ],
  arguments: { directory: argument('directory', 'where the versions are kept, one file each; made when missing') },
  options: {
    product: requiredText('--product <name>', 'the name of the releases it speaks for'),
    channel: text('--channel <name>', 'their channel (default: stable)'),
    root: list('--root <file>', 'public key that signs this document and its changes; keep the private one offline'),
    release: list('--release <file>', 'public key that signs releases'),
    ...identityOptions,
    trustedRoot: text('--trusted-root <file>', 'Sigstore trusted root to check certificates and timestamps by'),
    ...thresholdOptions,
    expires: time('--expires <time>', 'end of its validity: 2028-01-01 or 2028-01-01T12:00:00Z'),
    plan: planOption,
  },
  async run(context, { directory }, options) {
    const { beginTrust } = await import('../../../trust/documents/draft.ts');
    const { keyId } = await import('../../../trust/keys/public-key.ts');
    const { product, channel = 'stable', root, release, expires, plan } = options;
    const addIdentities = namesIdentity(options)
      ? [{ identity: readTrustIdentity(options), roles: ['release' as const] }]
      : [];
    if (root.length === 0 || release.length + addIdentities.length === 0) {
      throw new UsageError(
        'USAGE',
        'a trust document needs keys: --root and --release (or an identity: --issuer and --subject)',
        {
          hint: 'make a pair with: airgap keys generate --output root',
        },
      );
    }
    if (expires === undefined) {
      throw new UsageError('USAGE', 'a trust document needs an end: --expires', {
        hint: 'sites may miss a revocation for that long at most; for example --expires 2028-01-01',
      });
    }
    const trustedRoot =
      options.trustedRoot === undefined ? undefined : await readTrustedRoot(options.trustedRoot, context.signal);
    const roots = await readPublicKeys(root, context.signal);
    const releases = await readPublicKeys(release, context.signal);
    const isRoot = new Set(roots.map(keyId));
    const isRelease = new Set(releases.map(keyId));
    const addKeys = [...roots, ...releases].map((publicKey) => {
      const id = keyId(publicKey);
      const roles = [isRelease.has(id) ? 'release' : undefined, isRoot.has(id) ? 'root' : undefined] as const;
      return { publicKey, roles: roles.filter((role) => role !== undefined) };
    });
    const draft = beginTrust(
      { product, channel, expires },
      { addKeys, addIdentities, trustedRoot, thresholds: toThresholds(options) },
    );
    await assertFresh(directory, plan);
    await writeAndReport(context, directory, [], draft, plan);
  },
});

async function assertFresh(directory: string, isPlan: boolean): Promise<void> {
  if (!isPlan) await makeDirectory(directory);
  const names = await readdir(directory).catch((): string[] => []);
  const [known] = names.filter((name) => name.endsWith('.trust.json'));
  if (known === undefined) return;
  throw new UsageError('USAGE', `${directory} has ${known} already`, {
    hint: 'change it with airgap trust add-key, remove-key, revoke or set',
  });
}
