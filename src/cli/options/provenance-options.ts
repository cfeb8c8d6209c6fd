/** What is said and what is demanded of how an archive was built. */
import { UsageError } from '../../errors.ts';
import type { BuildFacts } from '../../operations/build/attestations.ts';
import { CommitText, UriText } from '../../trust/provenance/statement-schema.ts';
import type { ProvenanceDemand } from '../../trust/provenance/evaluate-provenance.ts';
import { flag, text, type ValuesOf } from '../command.ts';

/** A user name in front of a host comes with a password or token more often than not. */
const CREDENTIALS = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*@/;

/** Options of `build`: each has an environment variable for CI jobs. */
export const factOptions = {
  builderId: text(
    '--builder-id <uri>',
    'the builder, for the provenance (default: AIRGAP_BUILDER_ID, or this product)',
  ),
  sourceRepository: text('--source-repository <uri>', 'where the release.yaml is kept (AIRGAP_SOURCE_REPOSITORY)'),
  sourceCommit: text('--source-commit <sha>', 'commit of it, in full (AIRGAP_SOURCE_COMMIT)'),
  provenanceKey: text('--provenance-key <key>', 'signs the provenance, as --key would (default: the first --key)'),
  provenancePassphraseFile: text(
    '--provenance-passphrase-file <file>',
    'holds the passphrase of --provenance-key (default: that of --passphrase-file where it is given once)',
  ),
  invocationId: text('--invocation-id <uri>', 'this run; adds the times of the build (AIRGAP_INVOCATION_ID)'),
} as const;

/** Options of every command that verifies. */
export const demandOptions = {
  requireProvenance: flag('--require-provenance', 'refuse an archive without provenance by a trusted key'),
  builderId: text('--builder-id <uri>', 'refuse an archive that was not built by this builder'),
  sourceRepository: text('--source-repository <uri>', 'refuse an archive that was not built from this repository'),
} as const;

/**
 * What the provenance of a build is to say.
 * @throws UsageError when a value is no URI or commit, or holds credentials: everybody who gets the archive reads it.
 */
export function readFacts(
  options: Omit<ValuesOf<typeof factOptions>, 'provenanceKey' | 'provenancePassphraseFile'>,
  env: Readonly<Record<string, string | undefined>>,
): BuildFacts {
  const read = (value: string | undefined, variable: string): string | undefined =>
    value ?? (env[variable] === '' ? undefined : env[variable]);
  const builderId = checkUri('--builder-id', read(options.builderId, 'AIRGAP_BUILDER_ID'));
  const invocationId = checkUri('--invocation-id', read(options.invocationId, 'AIRGAP_INVOCATION_ID'));
  const repository = checkUri('--source-repository', read(options.sourceRepository, 'AIRGAP_SOURCE_REPOSITORY'));
  const commit = read(options.sourceCommit, 'AIRGAP_SOURCE_COMMIT');
  if (commit !== undefined && !CommitText.safeParse(commit).success) {
    throw new UsageError('USAGE', '--source-commit is not a commit in full: 40 or 64 lower-case hexadecimal digits', {
      hint: 'git rev-parse HEAD prints it',
    });
  }
  if (commit !== undefined && repository === undefined) {
    throw new UsageError('USAGE', '--source-commit needs --source-repository: a commit is one of a repository', {
      hint: 'add --source-repository, such as git+https://git.example/team/releases',
    });
  }
  const source = repository === undefined ? undefined : { repository, ...(commit === undefined ? {} : { commit }) };
  return { builderId, invocationId, source };
}

/** What the user demands; nothing unless one of the options is given. */
export function readDemand(options: ValuesOf<typeof demandOptions>): ProvenanceDemand | undefined {
  const { requireProvenance, builderId, sourceRepository } = options;
  if (!requireProvenance && builderId === undefined && sourceRepository === undefined) return undefined;
  return { builderId, sourceRepository };
}

function checkUri(option: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (CREDENTIALS.test(value)) {
    throw new UsageError('USAGE', `${option} holds a user name or password, which everyone could read`, {
      hint: 'give the URI without what stands before the @',
    });
  }
  if (UriText.safeParse(value).success) return value;
  throw new UsageError('USAGE', `${option} is not an absolute URI of at most 512 printable ASCII characters`, {
    hint: 'such as git+https://git.example/team/releases',
  });
}
