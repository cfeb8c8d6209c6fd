/** `airgap check`: whether what a release deploys, or what runs, is configured as rules demand. */
import { VERSION } from '../../../base/version.ts';
import { writeNamedFile } from '../../../base/files/result-file.ts';
import { readTextFile } from '../../../base/files/read-file.ts';
import { CheckError, UsageError } from '../../../errors.ts';
import type { ChartSources } from '../../../operations/resolve/charts/charts.ts';
import type { CheckedInput, CheckOptions } from '../../../operations/check/check-options.ts';
import { formatUtcSeconds } from '../../../base/utc-time.ts';
import { formatCount } from '../../../report/format.ts';
import type { CheckReport, ReportFacts } from '../../../report/checks/check-report.ts';
import { nameSigner } from '../../../trust/signatures/identity.ts';
import { defineCommand, list, restArguments, text, writtenFile, type ValuesOf } from '../../command.ts';
import type { Context } from '../../context.ts';
import { noRenderOption, readDiscovery } from '../../options/discovery-options.ts';
import { kubeVersionOption, profileOption, readValues } from '../../options/check-options.ts';
import { sourceOptions } from '../../options/source-options.ts';
import { readTerms, trustOptions } from '../../options/trust-options.ts';
import { formatReport, openEvidenceSigner, writeEvidence } from '../../inputs/check-output.ts';
import { listenTo } from '../../output/registry-lines.ts';

const STDIN = '-';
const ARCHIVE = /\.tar$/;
const MAX_CLUSTER_BYTES = 16 * 1024 * 1024;

const checkOptions = {
  profile: profileOption,
  rules: list('--rules <file>', "the site's own rules, and exceptions with their reasons (YAML)"),
  path: list('--path <path>', 'only these files and directories of the archive'),
  values: list('--values <file>', 'values of the site, for charts that are named or lie in an archive'),
  kubeVersion: kubeVersionOption,
  fromCluster: text(
    '--from-cluster <file>',
    'check objects that run: what `kubectl get … -o json` prints; - reads standard input',
  ),
  output: text(
    '--output <directory>',
    'write the report there in all its forms: check-report.json, check-report.md and check-report.html',
  ),
  sign: text('--sign <key>', 'with --output: sign a statement about these files; a private key file, or <name>://…'),
  passphraseFile: text(
    '--passphrase-file <file>',
    'holds the passphrase of that key; else AIRGAP_PASSPHRASE or a prompt',
  ),
  report: writtenFile(
    '--report <file>',
    'write the report there as well: as HTML (.html), Markdown (.md) or else JSON',
  ),
  noRender: { ...noRenderOption, summary: 'do not render charts: only manifests are checked' },
  ...trustOptions,
  ...sourceOptions,
} as const;

type Options = ValuesOf<typeof checkOptions>;

export const check = defineCommand({
  name: 'check',
  summary: 'check what a release deploys, or what runs, against rules of security and compliance',
  examples: [
    'check release.yaml',
    'check manifests/ --kube-version 1.33',
    'check charts/app --values site.yaml --profile availability',
    'check release.tar --key release.pub --rules site-rules.yaml --json',
    'check --from-cluster - < objects.json',
    'check --from-cluster objects.json --output evidence --sign site.key',
  ],
  arguments: {
    inputs: restArguments(
      'inputs',
      'an archive (.tar), a release.yaml, charts, manifests (default: the release.yaml of this directory)',
    ),
  },
  options: checkOptions,
  async run(context, { inputs }, options) {
    const { output, signal, now } = context;
    const { readRules } = await import('../../../operations/check/read-rules.ts');
    const { evaluateRules } = await import('../../../compliance/evaluate.ts');
    const { toCheckReport } = await import('../../../report/checks/check-report.ts');
    const { checkLines } = await import('../../../report/checks/check-lines.ts');
    const { chooseInput } = await import('../../inputs/release-input.ts');
    const named = inputs.length > 0 || options.fromCluster !== undefined ? inputs : [chooseInput(undefined).path];
    const request: CheckOptions = {
      kubeMinor: options.kubeVersion,
      values: await readValues(options.values, signal),
      openRenderer: readDiscovery(context, options).openRenderer,
      signal,
    };
    // Asked first: a passphrase is not waited for at the end.
    const signer = await openEvidenceSigner(context, options);
    const { rules, files, exceptions } = await readRules(options.profile, options.rules, signal);
    const { subjects, warnings, release } = await readInputs(context, named, options, request);
    const checked = options.fromCluster === undefined ? named : [...named, `--from-cluster ${options.fromCluster}`];
    const facts: ReportFacts = {
      checked,
      checkedAt: formatUtcSeconds(now()),
      tool: VERSION,
      release,
      profiles: ['general', ...options.profile.filter((name) => name !== 'general')],
      ruleFiles: files,
      exceptions,
      warnings,
    };
    const results = evaluateRules(rules, subjects, { exceptions, now: facts.checkedAt });
    const report = toCheckReport(facts, rules, results);
    for (const warning of warnings) output.note(`warning: ${warning}`);
    if (options.report !== undefined)
      await writeNamedFile(options.report, await formatReport(options.report, report), signal);
    const written = options.output === undefined ? [] : await writeEvidence(options.output, report, signer);
    for (const path of written) output.note(`wrote ${path}`);
    output.result(report, checkLines(report));
    if (report.verdict === 'fail') throw describeFailure(report);
  },
});

/** Everything that was named, read. */
async function readInputs(
  context: Context,
  inputs: readonly string[],
  options: Options,
  request: CheckOptions,
): Promise<CheckedInput & Pick<ReportFacts, 'release'>> {
  const parts: (CheckedInput & Pick<ReportFacts, 'release'>)[] = [];
  const archive = inputs.find((input) => ARCHIVE.test(input));
  assertApplies(options, archive, inputs);
  if (archive !== undefined) parts.push(await readArchive(context, archive, options, request));
  else if (inputs.length > 0) parts.push(await readFiles(context, inputs, options, request));
  if (options.fromCluster !== undefined) parts.push(await readCluster(context, options.fromCluster, request));
  const subjects = parts.flatMap((part) => part.subjects);
  const warnings = parts.flatMap((part) => part.warnings);
  if (subjects.length === 0) {
    throw new UsageError('USAGE', [`${inputs.join(', ')}: holds nothing to check`, ...warnings].join('; '), {
      hint: 'name manifests, charts, a release.yaml or an archive that has some',
    });
  }
  return { subjects, warnings, release: parts[0]?.release };
}

/** One archive is one release; options that say nothing about what was named are a mistake. */
function assertApplies(options: Options, archive: string | undefined, inputs: readonly string[]): void {
  if (archive !== undefined && inputs.length > 1) {
    throw new UsageError('USAGE', `${archive} is an archive, and is checked by itself`, {
      hint: 'run the command once for each',
    });
  }
  const { key, trust, trustedRoot, path } = options;
  const unused = [
    ...(key.length > 0 ? ['--key'] : []),
    ...(trust === undefined ? [] : ['--trust']),
    ...(trustedRoot === undefined ? [] : ['--trusted-root']),
    ...(path.length > 0 ? ['--path'] : []),
  ];
  if (archive !== undefined || unused.length === 0) return;
  throw new UsageError('USAGE', `${unused.join(', ')} applies to archives, and none is named`, {
    hint: 'name an archive (.tar), or leave the option out',
  });
}

async function readArchive(
  context: Context,
  path: string,
  options: Options,
  request: CheckOptions,
): Promise<CheckedInput & Pick<ReportFacts, 'release'>> {
  const { withAdmittedRelease } = await import('../../../site/admitted-release.ts');
  const { siteEnvironment } = await import('../../inputs/site-request.ts');
  const { subjectsOfArchive } = await import('../../../operations/check/archive-subjects.ts');
  const terms = await readTerms(options, context);
  const environment = await siteEnvironment(context, { operator: undefined });
  // Nothing of it is used: nothing is locked, remembered or put on record.
  return await withAdmittedRelease(
    { action: 'verify', archive: path, terms, isPlan: true },
    environment,
    async ({ archive }) => {
      const { inventory, digest, signers } = archive.release;
      const release = { name: inventory.name, version: inventory.version, digest, signers: signers.map(nameSigner) };
      return { ...(await subjectsOfArchive(archive, options.path, request)), release };
    },
  );
}

async function readFiles(
  context: Context,
  inputs: readonly string[],
  options: Options,
  request: CheckOptions,
): Promise<CheckedInput> {
  const { subjectsOfFiles } = await import('../../../operations/check/file-subjects.ts');
  const { ImageSources } = await import('../../../operations/resolve/image-sources.ts');
  const { env, signal, output } = context;
  await using sources = new ImageSources({ ...options, listener: listenTo(output), env, signal });
  const charts: ChartSources = {
    open: (reference, origin) => sources.open(reference, origin),
    read: (address, how) => sources.read(address, how),
  };
  const read: CheckedInput[] = [];
  for (const input of inputs) {
    read.push(await subjectsOfFiles(input, charts, request));
  }
  return { subjects: read.flatMap(({ subjects }) => subjects), warnings: read.flatMap(({ warnings }) => warnings) };
}

async function readCluster({ stdin, signal }: Context, place: string, request: CheckOptions): Promise<CheckedInput> {
  const { subjectOfCluster } = await import('../../../operations/check/file-subjects.ts');
  const { readStandardInput } = await import('../../inputs/standard-input.ts');
  const what = { what: 'objects of a cluster', limit: MAX_CLUSTER_BYTES, signal };
  const text = place === STDIN ? await readStandardInput(stdin, what) : await readTextFile(place, what);
  return { subjects: [subjectOfCluster(text, place === STDIN ? 'standard input' : place, request)], warnings: [] };
}

function describeFailure({ subjects }: CheckReport): CheckError {
  const failed = subjects.flatMap(({ results }) => results.filter(({ verdict }) => verdict === 'fail'));
  const rules = new Set(failed.map(({ rule }) => rule));
  const violations = failed.reduce((sum, result) => sum + result.violations.length, 0);
  return new CheckError(
    'CHECK_FAILED',
    `${formatCount(rules.size, 'rule')} not met, at ${formatCount(violations, 'place')}: ${[...rules].join(', ')}`,
    { hint: 'each place is listed with its object and field; docs/compliance.md says what each rule is for' },
  );
}
