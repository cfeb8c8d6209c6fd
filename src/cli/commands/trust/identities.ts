/** `airgap trust add-identity | remove-identity | set-trusted-root`: who may sign without a key, and what verifies it. */
import { UsageError } from '../../../errors.ts';
import { argument, defineCommand, list, text, time } from '../../command.ts';
import { identityOptions, readTrustIdentity } from '../../options/identity-options.ts';
import { changeAndReport, planOption } from './drafts.ts';
import { readTrustedRoot } from '../../inputs/trusted-root-file.ts';

const ROLES = ['release', 'provenance'] as const;
const directory = argument('directory', 'where the versions are kept');

export const trustAddIdentity = defineCommand({
  name: 'trust add-identity',
  summary: 'let an identity sign without a key, or change what it may sign',
  examples: [
    'trust add-identity trust --issuer https://token.example --subject https://ci.example/release.yml@refs/tags/v1 \\\n      --role release --trusted-root trusted_root.json',
    "trust add-identity trust --issuer https://token.example --subject-pattern 'https://ci.example/app/*@refs/tags/*' --role release",
  ],
  arguments: { directory },
  options: {
    ...identityOptions,
    role: list('--role <role>', `what it may sign: ${ROLES.join(', ')}`),
    validFrom: time('--valid-from <time>', 'signed not before: 2027-01-31 or 2027-01-31T12:00:00Z'),
    validUntil: time('--valid-until <time>', 'signed not after, as a pinned log or timestamp authority says'),
    trustedRoot: text('--trusted-root <file>', 'pin this Sigstore trusted root as well'),
    plan: planOption,
  },
  async run(context, { directory: place }, options) {
    const { role, validFrom, validUntil, plan } = options;
    const roles = role.map((word) => ROLES.find((known) => known === word) ?? unknownRole(word));
    if (roles.length === 0) throw new UsageError('USAGE', 'give at least one --role', { hint: ROLES.join(', ') });
    const identity = readTrustIdentity(options);
    const trustedRoot =
      options.trustedRoot === undefined ? undefined : await readTrustedRoot(options.trustedRoot, context.signal);
    const addIdentities = [{ identity, roles, validFrom, validUntil }];
    await changeAndReport(context, place, { addIdentities, trustedRoot }, plan);
  },
});

export const trustRemoveIdentity = defineCommand({
  name: 'trust remove-identity',
  summary: 'retire an identity that is not suspected of anything; releases it signed alone are refused from then on',
  examples: ['trust remove-identity trust --issuer https://token.example --subject anna@acme.example'],
  arguments: { directory },
  options: { ...identityOptions, plan: planOption },
  async run(context, { directory: place }, options) {
    await changeAndReport(context, place, { removeIdentities: [readTrustIdentity(options)] }, options.plan);
  },
});

export const trustSetTrustedRoot = defineCommand({
  name: 'trust set-trusted-root',
  summary: 'pin the authorities and logs that certificates and timestamps are checked by, in place of those before',
  examples: ['trust set-trusted-root trust trusted_root.json'],
  arguments: { directory, file: argument('file', 'Sigstore trusted root, as cosign takes it') },
  options: { plan: planOption },
  async run(context, { directory: place, file }, { plan }) {
    await changeAndReport(context, place, { trustedRoot: await readTrustedRoot(file, context.signal) }, plan);
  },
});

function unknownRole(word: string): never {
  throw new UsageError('USAGE', `--role: ${word} is not one of ${ROLES.join(', ')}`, {
    hint: 'the trust document itself is signed by keys only',
  });
}
