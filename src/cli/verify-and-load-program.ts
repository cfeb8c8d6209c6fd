/** The `verify-and-load` program: one command, no subcommands, for the operator at the other side. */
import { UsageError } from '../errors.ts';
import { receiptOptions, recordOptions } from './options/audit-options.ts';
import { argument, defineCommand, digest, flag, list, text, writtenFile } from './command.ts';
import { verifyLogAndReport } from './commands/audit/verify.ts';
import { logInAndReport } from './commands/credentials/login.ts';
import { logOutAndReport } from './commands/credentials/logout.ts';
import { extractAndReport } from './commands/extract.ts';
import { inspectAndReport } from './commands/inspect.ts';
import { verifyAndReport } from './commands/verify.ts';
import type { Program } from './program.ts';
import { deploymentOptions, givenDeploymentOptions, runJobsOption } from './options/deploy-options.ts';
import { refuse } from '../release/mapping/open-target.ts';
import { concurrencyOption, retriesOption } from './options/source-options.ts';
import { baseOption, partsOption, verifyBaseOption } from './options/load-options.ts';
import { accountOptions } from './options/login-options.ts';
import { targetOptions } from './options/target-options.ts';
import { readTerms, trustOptions } from './options/trust-options.ts';

const EXAMPLES = [
  'node verify-and-load.mjs release.tar --key release.pub',
  'node verify-and-load.mjs registry.internal:5000 --login --username robot',
  'node verify-and-load.mjs release.tar --key release.pub --to docker://registry.internal:5000 --plan',
  'node verify-and-load.mjs release.tar --key release.pub --to docker://registry.internal:5000',
  'node verify-and-load.mjs release.tar --key release.pub --to docker://registry.internal:5000 --deploy --profile edge --site-values secrets.env',
  'node verify-and-load.mjs release.tar --key release.pub --to dir:/var/lib/rancher/k3s/agent/images',
  'node verify-and-load.mjs release.tar --key release.pub --extract files --path manifests',
  'node verify-and-load.mjs release.tar --trust trust.json --state /var/lib/airgap --to oci:layout',
  'node verify-and-load.mjs release.tar --inspect',
  'node verify-and-load.mjs /var/lib/airgap/audit.jsonl --audit',
];

const verifyAndLoad = defineCommand({
  name: '',
  summary: 'verify an archive and, with --to, load its images into a target',
  examples: [],
  arguments: {
    archive: argument(
      'archive',
      'the file; - verifies standard input; with --audit, the log; with --login, the registry',
    ),
  },
  options: {
    to: text('--to <target>', 'docker://host[:port][/prefix], docker-daemon:, oci:DIR or dir:DIR'),
    ...trustOptions,
    base: baseOption,
    parts: partsOption,
    verifyBase: verifyBaseOption,
    ...targetOptions,
    ...recordOptions,
    ...receiptOptions,
    report: text(
      '--report <path>',
      'directory for mapping.txt and the JSON report; without --to, the file of the report',
    ),
    concurrency: concurrencyOption,
    retries: retriesOption,
    dockerHost: text('--docker-host <address>', 'unix:///path or tcp://127.0.0.1:port (default: DOCKER_HOST)'),
    deploy: flag('--deploy', 'with --to: bring the platform up in the cluster that pulls from this registry'),
    ...deploymentOptions,
    rollback: flag('--rollback', 'with --to: go back to this release, which was complete in the cluster before'),
    runJobs: runJobsOption,
    extract: text('--extract <directory>', 'write charts, manifests and documents to a new directory'),
    path: list('--path <path>', 'extract only this file or directory of the archive'),
    inspect: flag('--inspect', 'show what the archive says of itself; verifies nothing'),
    images: flag('--images', 'with --inspect: show why each image is there'),
    inventory: writtenFile('--inventory <file>', 'with --inspect: write the inventory, which `airgap diff` compares'),
    login: flag('--login', 'the word is a registry: check a user name and password there, and keep them'),
    logout: flag('--logout', 'the word is a registry: forget its login'),
    ...accountOptions,
    audit: flag('--audit', 'the file is an audit log: verify its chain'),
    expectHead: digest('--expect-head <hash>', 'with --audit: the log must have this line'),
  },
  async run(context, { archive }, options) {
    const { to, extract, inspect, audit, login, logout, expectHead } = options;
    if ([to !== undefined, extract !== undefined, inspect, audit, login, logout].filter(Boolean).length > 1) {
      throw new UsageError('USAGE', 'give only one of --to, --extract, --inspect, --audit, --login and --logout');
    }
    if (expectHead !== undefined && !audit) throw new UsageError('USAGE', '--expect-head needs --audit');
    const receipt = options.receipt ?? options.receiptKey;
    if (receipt !== undefined && to === undefined)
      throw new UsageError('USAGE', 'a receipt needs --to: it is of a load');
    const { deploy, rollback, runJobs } = options;
    if (deploy && rollback) throw new UsageError('USAGE', 'give only one of --deploy and --rollback');
    const [stray] = deploy || rollback ? [] : givenDeploymentOptions(options);
    if (stray !== undefined) throw new UsageError('USAGE', `${stray} needs --deploy or --rollback`);
    if (runJobs && !rollback) throw new UsageError('USAGE', '--run-jobs needs --rollback');
    if ((deploy || rollback) && to === undefined) {
      const which = deploy ? '--deploy' : '--rollback';
      throw new UsageError('USAGE', `${which} needs --to: the registry that nodes pull from`);
    }
    const { username, passwordFile, passwordStdin } = options;
    if (!login && (username !== undefined || passwordFile !== undefined || passwordStdin)) {
      throw new UsageError('USAGE', '--username, --password-file and --password-stdin need --login');
    }
    if (login) return logInAndReport(context, archive, options);
    if (logout) return logOutAndReport(context, archive);
    if (audit) return verifyLogAndReport(context, archive, { expectHead, receipts: [], key: undefined });
    if (options.base.length > 0 && (inspect || extract !== undefined))
      throw new UsageError(
        'USAGE',
        '--base is for verifying and for loading: what is inspected or extracted is in the delta',
      );
    if (options.images && !inspect) throw new UsageError('USAGE', '--images needs --inspect');
    if (options.inventory !== undefined && !inspect) throw new UsageError('USAGE', '--inventory needs --inspect');
    if (inspect) return inspectAndReport(context, archive, options);
    const terms = await readTerms(options, context);
    if (options.verifyBase && to === undefined) throw new UsageError('USAGE', '--verify-base needs --to');
    if (extract !== undefined)
      return extractAndReport(context, archive, terms, { ...options, directory: extract, paths: options.path });
    if (to === undefined) return verifyAndReport(context, archive, terms, options);
    if (deploy || rollback) {
      refuse(options.report !== undefined, '--report', 'a deployment prints what it did; --json for machines');
      refuse(options.dockerHost !== undefined, '--docker-host', 'nodes pull from a registry');
      refuse(options.trustTarget, '--trust-target', 'a registry answers for what it holds');
      const { deployArchive } = await import('./commands/cluster/deploy-archive.ts');
      if (deploy) return deployArchive(context, archive, terms, { ...options, to });
      const { rollbackToArchive } = await import('./commands/cluster/rollback-archive.ts');
      return rollbackToArchive(context, archive, terms, { ...options, to });
    }
    const { loadArchive } = await import('./commands/load-archive.ts');
    await loadArchive(context, archive, terms, { ...options, to });
  },
});

/** The `verify-and-load` program. */
export const VERIFY_AND_LOAD: Program = {
  name: 'verify-and-load',
  summary: verifyAndLoad.summary,
  examples: EXAMPLES,
  commands: [verifyAndLoad],
};
