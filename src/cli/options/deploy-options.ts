/** Options of a deployment. */
import { choice, flag, list, requiredText, text, type Option, type ValuesOf } from '../command.ts';
import { receiptOptions, recordOptions } from './audit-options.ts';
import type { ProfileName } from '../../compliance/profiles.ts';
import { UsageError } from '../../errors.ts';
import { REPAIR_STEPS } from '../../operations/deploy/steps/repair-steps.ts';
import { CHECK_PROFILES } from '../../release/deployment/deploy-document.ts';
import { clusterOptions } from './cluster-options.ts';
import { baseOption, partsOption, verifyBaseOption } from './load-options.ts';
import { concurrencyOption, retriesOption } from './source-options.ts';
import { targetOptions } from './target-options.ts';
import { trustOptions } from './trust-options.ts';

const { platform, stripRegistry, maxPathDepth, flatten, nameMap, skipRefusedEvidence, requireEvidence } = targetOptions;
const { allowHost, plainHttp, insecure, caFile } = targetOptions;

function toCheckProfile(word: string): ProfileName {
  const chosen = CHECK_PROFILES.find((name) => name === word);
  if (chosen !== undefined) return chosen;
  throw new UsageError('USAGE', `--check <profile>: ${word} is not one of ${CHECK_PROFILES.join(', ')}`);
}

/** What only a deployment is told. */
export const deploymentOptions = {
  ...clusterOptions,
  profile: text(
    '--profile <name>',
    'which manifests of the archive, where there are several: manifests/<name>, or plain',
  ),
  siteValues: text(
    '--site-values <file>',
    'values of this site, SITE_NAME=value, one a line (see secrets.env.example)',
  ),
  generate: list('--generate <name>', 'make a random value for this placeholder, unless the cluster keeps one'),
  pullFrom: text('--pull-from <registry>', 'what the nodes call the registry, where it is not the name in --to'),
  forceConflicts: flag(
    '--force-conflicts',
    'take over fields that another program has set, and objects of another deployment',
  ),
  keep: flag(
    '--keep',
    'with --state: keep there what rollback needs of this archive, which is all but layers, when everything is ready',
  ),
  check: {
    ...list('--check <profile>', `hold what is applied to these rules too (${CHECK_PROFILES.join(', ')})`),
    parse: (words: readonly string[]) => words.map(toCheckProfile),
  } as Option<readonly ProfileName[]>,
  skipCheck: flag('--skip-check', 'do not hold it to the rules that the release demands; that is put on record'),
  from: choice('--from <step>', 'only to repair: take what earlier steps apply as it is, and begin with', REPAIR_STEPS),
  diagnose: text(
    '--diagnose <directory>',
    'write there what helps to find out why it does not get on, secrets hidden; must not exist yet',
  ),
  prune: flag('--prune', 'delete what earlier releases applied and this one has no longer; data is kept'),
} as const;

export const deployOptions = {
  to: requiredText('--to <registry>', 'docker://host[:port][/prefix], from which the nodes pull'),
  ...trustOptions,
  ...deploymentOptions,
  base: baseOption,
  parts: partsOption,
  verifyBase: verifyBaseOption,
  plan: flag('--plan', 'say what would move and change, and change nothing; exit code 7 where something would'),
  ...{ platform, stripRegistry, maxPathDepth, flatten, nameMap, skipRefusedEvidence, requireEvidence },
  ...{ allowHost, plainHttp, insecure, caFile },
  ...recordOptions,
  ...receiptOptions,
  concurrency: concurrencyOption,
  retries: retriesOption,
} as const;

/** What only a rollback is told. */
export const runJobsOption: Option<boolean> = flag(
  '--run-jobs',
  'of a rollback: run the jobs of that release once more',
);

export const rollbackOptions = { ...deployOptions, runJobs: runJobsOption } as const;

/** Their values. */
export type RollbackOptionValues = ValuesOf<typeof rollbackOptions>;

/** Their values. */
export type DeployOptionValues = ValuesOf<typeof deployOptions>;

/** The options of a deployment that were given, by their names, where a program has others too. */
export function givenDeploymentOptions(options: ValuesOf<typeof deploymentOptions>): readonly string[] {
  const keys = Object.keys(deploymentOptions) as (keyof typeof deploymentOptions)[];
  return keys
    .filter((key) => {
      const value = options[key];
      return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
    })
    .map((key) => deploymentOptions[key].flags.split(' ')[0] ?? '');
}
