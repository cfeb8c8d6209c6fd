/** `airgap check`: whether what a release deploys, or what runs, is configured as rules demand. */
import { VERSION } from '../../../base/version.ts';
import { writeNamedFile } from '../../../base/files/result-file.ts';
import type { CheckOptions } from '../../../operations/check/check-options.ts';
import { formatUtcSeconds } from '../../../base/utc-time.ts';
import { defineCommand, restArguments } from '../../command.ts';
import { readDiscovery } from '../../options/discovery-options.ts';
import { readValues } from '../../options/check-options.ts';
import { formatReport, openEvidenceSigner, writeEvidence } from '../../inputs/check-output.ts';
import { checkOptions } from './check-options.ts';

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
    'check --cluster --namespace hexabase-system --compare release.tar --key release.pub',
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
    const { evaluateCheck } = await import('../../../operations/check/evaluate-check.ts');
    const { toCheckReport } = await import('../../../report/checks/check-report.ts');
    const { checkLines } = await import('../../../report/checks/check-lines.ts');
    const { chooseInput } = await import('../../inputs/release-input.ts');
    const { readEarlierReport } = await import('../../inputs/earlier-report.ts');
    const { assertApplies, readInputs } = await import('./check-inputs.ts');
    const isRunning = options.cluster || options.fromCluster !== undefined;
    const named = inputs.length > 0 || isRunning ? inputs : [chooseInput(undefined).path];
    assertApplies(named, options);
    const request: CheckOptions = {
      kubeMinor: options.kubeVersion,
      values: await readValues(options.values, signal),
      openRenderer: readDiscovery(context, options).openRenderer,
      signal,
    };
    // Asked first: a passphrase is not waited for at the end.
    const signer = await openEvidenceSigner(context, options);
    const own = await readRules(options.rules, signal);
    const { compare, compareSubject: chosen } = options;
    const earlier = compare === undefined ? undefined : await readEarlierReport(context, compare, options);
    const { subjects, warnings, release } = await readInputs(context, named, options, request, earlier);
    const running = options.cluster ? ['--cluster'] : options.fromCluster === undefined ? [] : [`--from-cluster ${options.fromCluster}`]; // prettier-ignore
    const checked = [...named, ...running];
    const checkedAt = formatUtcSeconds(now());
    const { rules, profiles, results, pairs } = evaluateCheck(
      subjects,
      { profiles: options.profile, ownRules: own.rules, exceptions: own.exceptions, now: checkedAt },
      earlier && { name: earlier.source.name, subjects: earlier.report.subjects, chosen },
    );
    const { files: ruleFiles, exceptions } = own;
    const report = toCheckReport(
      { checked, checkedAt, tool: VERSION, release, profiles, ruleFiles, exceptions, warnings },
      rules,
      results,
      earlier && { earlier, pairs },
    );
    for (const warning of warnings) output.note(`warning: ${warning}`);
    if (options.report !== undefined)
      await writeNamedFile(options.report, await formatReport(options.report, report), signal);
    const written = options.output === undefined ? [] : await writeEvidence(options.output, report, signer);
    for (const path of written) output.note(`wrote ${path}`);
    output.result(report, checkLines(report));
    const { assertMet } = await import('../../../report/checks/check-outcome.ts');
    assertMet(report);
  },
});
