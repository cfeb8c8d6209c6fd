/** `airgap trust add-key | remove-key | revoke | set`: the next version of a trust document, as a draft to be signed. */
import { UsageError } from '../../../errors.ts';
import { parseDigest } from '../../../oci/digest.ts';
import { argument, count, defineCommand, list, restArguments, time } from '../../command.ts';
import { identityOptions, namesIdentity, readTrustIdentity } from '../../options/identity-options.ts';
import { readPublicKey } from '../../inputs/keys.ts';
import { changeAndReport, planOption, readKeyId, thresholdOptions, toThresholds } from './drafts.ts';

const ROLES = ['release', 'provenance', 'root'] as const;
const directory = argument('directory', 'where the versions are kept');

export const trustAddKey = defineCommand({
  name: 'trust add-key',
  summary: 'let another key sign, or change what a key may sign',
  examples: [
    'trust add-key trust new-release.pub --role release',
    'trust add-key trust contractor.pub --role release --valid-until 2027-06-30',
  ],
  arguments: { directory, file: argument('file', 'public key in PEM') },
  options: {
    role: list('--role <role>', `what it may sign: ${ROLES.join(', ')}`),
    validFrom: time('--valid-from <time>', 'not before: 2027-01-31 or 2027-01-31T12:00:00Z'),
    validUntil: time('--valid-until <time>', 'not after; a release signed by it alone is refused from then on'),
    plan: planOption,
  },
  async run(context, { directory: place, file }, { role, validFrom, validUntil, plan }) {
    const roles = role.map((word) => ROLES.find((known) => known === word) ?? unknownRole(word));
    if (roles.length === 0) throw new UsageError('USAGE', 'give at least one --role', { hint: ROLES.join(', ') });
    const publicKey = await readPublicKey(file, context.signal);
    await changeAndReport(context, place, { addKeys: [{ publicKey, roles, validFrom, validUntil }] }, plan);
  },
});

export const trustRemoveKey = defineCommand({
  name: 'trust remove-key',
  summary: 'retire a key that is not suspected of anything; releases it signed alone are refused from then on',
  examples: ['trust remove-key trust old-release.pub'],
  arguments: { directory, key: argument('key', 'the .pub file, or the whole key id') },
  options: { plan: planOption },
  async run(context, { directory: place, key }, { plan }) {
    await changeAndReport(context, place, { removeKeys: [await readKeyId(key, context.signal)] }, plan);
  },
});

export const trustRevoke = defineCommand({
  name: 'trust revoke',
  summary: 'revoke stolen keys and identities, or bad releases, permanently',
  examples: [
    'trust revoke trust stolen.pub',
    'trust revoke trust sha256:<64 digits>',
    'trust revoke trust --issuer https://token.example --subject anna@acme.example',
  ],
  arguments: { directory, what: restArguments('what', 'keys (.pub file or key id) and releases (sha256:…)') },
  options: { ...identityOptions, plan: planOption },
  async run(context, { directory: place, what }, options) {
    const { plan } = options;
    const revokeIdentities = namesIdentity(options) ? [readTrustIdentity(options)] : [];
    if (what.length + revokeIdentities.length === 0) {
      throw new UsageError('USAGE', 'name the keys, identities or releases to revoke');
    }
    const isRelease = (word: string): boolean => word.startsWith('sha256:');
    const revokeKeys = await Promise.all(
      what.filter((word) => !isRelease(word)).map((word) => readKeyId(word, context.signal)),
    );
    await changeAndReport(
      context,
      place,
      { revokeKeys, revokeIdentities, revokeReleases: what.filter(isRelease).map(parseDigest) },
      plan,
    );
    // Otherwise a thief who ran ahead would have shut the genuine releases out; the floor takes over.
    context.output.note('sites forget the sequence that a revoked release has set; name the lowest release that');
    context.output.note(`may still be loaded: airgap trust set ${place} --min-sequence N`);
  },
});

export const trustSet = defineCommand({
  name: 'trust set',
  summary: 'change how many must sign, until when it counts, or the lowest release that is accepted',
  examples: ['trust set trust --expires 2029-01-01', 'trust set trust --min-sequence 41 --release-threshold 2'],
  arguments: { directory },
  options: {
    expires: time('--expires <time>', 'end of its validity: 2029-01-01 or 2029-01-01T12:00:00Z'),
    minSequence: count(
      '--min-sequence <n>',
      'refuse releases below, without exception; can only rise',
      1,
      Number.MAX_SAFE_INTEGER,
    ),
    ...thresholdOptions,
    plan: planOption,
  },
  async run(context, { directory: place }, options) {
    const { expires, minSequence, plan } = options;
    const thresholds = toThresholds(options);
    if (expires === undefined && minSequence === undefined && Object.keys(thresholds).length === 0) {
      throw new UsageError('USAGE', 'nothing to set', { hint: 'see --help for what there is' });
    }
    await changeAndReport(context, place, { expires, minSequence, thresholds }, plan);
  },
});

function unknownRole(word: string): never {
  throw new UsageError('USAGE', `--role: ${word} is not one of ${ROLES.join(', ')}`);
}
