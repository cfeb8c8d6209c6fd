/** Deploys an archive, or goes back to it, in the order that the site keeps, and reports what became of everything. */
import type { TrustedArchive } from '../../../archive/verification/trusted-archive.ts';
import { retryPolicy } from '../../../base/retry.ts';
import { readTextFile } from '../../../base/files/read-file.ts';
import { ChangesError, UsageError } from '../../../errors.ts';
import { findClusterAccess } from '../../../kubernetes/cluster/access/kubeconfig.ts';
import { ClusterClient } from '../../../kubernetes/cluster/cluster-client.ts';
import { parseSiteValues, type FilledValues } from '../../../kubernetes/staging/filled-values.ts';
import { findChanges, hasChanges } from '../../../operations/deploy/changes.ts';
import { deploy } from '../../../operations/deploy/deploy.ts';
import { keepArchive } from '../../../operations/deploy/rollback/kept-archives.ts';
import { assertRulesMet } from '../../../operations/deploy/steps/check-step.ts';
import { assertDiagnosisPlace } from '../../../operations/diagnosis/write-diagnosis.ts';
import { prepareDeployment, type DeployPlan, type DeployRequest } from '../../../operations/deploy/prepare.ts';
import type { LoadOutcome } from '../../../operations/load/load.ts';
import { openImageTarget } from '../../../release/mapping/open-target.ts';
import { parseTarget } from '../../../release/mapping/target-address.ts';
import { nameContents } from '../../../report/content-names.ts';
import { describeDeploy, describeDeployPlan, notUndoneLines } from '../../../report/deployments/deploy-report.ts';
import { formatCount } from '../../../report/format.ts';
import { imageContent } from '../../../report/loads/audit-content.ts';
import { joinDescribed, type Described } from '../../../report/loads/load-report.ts';
import {
  assertEvidenceKept,
  describeCharts,
  describeImages,
  describeMoves,
  evidenceShortfall,
  noteRefused,
  toImageOutcomes,
  type ImageOutcome,
} from '../../../report/loads/transfers.ts';
import type { AuditContent } from '../../../site/audit/trail.ts';
import { withAdmittedRelease, type AdmittedRelease } from '../../../site/admitted-release.ts';
import type { SiteTerms } from '../../../site/admission.ts';
import type { Context } from '../../context.ts';
import { readReceiptRequest, siteEnvironment } from '../../inputs/site-request.ts';
import type { DeployOptionValues } from '../../options/deploy-options.ts';
import { withDiagnosis } from './with-diagnosis.ts';
import { noteHeld } from '../../output/held-lines.ts';
import { openProgress } from '../../output/open-progress.ts';
import { listenTo } from '../../output/registry-lines.ts';
import { noteSteps } from '../../output/step-lines.ts';

const MAX_VALUES_BYTES = 1024 * 1024;
const DEFAULT_STEP_TIMEOUT_S = 600;

/** How a deployment is made. */
export interface DeployWay {
  /** What the audit log calls it. */
  readonly action: 'deploy' | 'rollback';
  /** What the cluster has to say of how this archive is deployed, before that is planned. */
  readonly ask?: (client: ClusterClient, archive: TrustedArchive) => Promise<Partial<DeployRequest>>;
}

/** Deploys an archive, or says what would change. */
export async function deployArchive(
  context: Context,
  path: string,
  terms: SiteTerms,
  options: DeployOptionValues,
  { action, ask }: DeployWay = { action: 'deploy' },
): Promise<void> {
  const { env, signal } = context;
  const address = parseTarget(options.to);
  if (address.kind !== 'registry') {
    throw new UsageError('USAGE', '--to is no registry, and nodes pull from registries', {
      hint: 'give docker://host[:port][/prefix]; for preloaded nodes use load, and apply the manifests by hand',
    });
  }
  if (path === '-')
    throw new UsageError('USAGE', 'an archive cannot be deployed from standard input', { hint: 'give the file' });
  if (options.keep && options.state === undefined)
    throw new UsageError('USAGE', '--keep needs --state', { hint: 'give the directory this site keeps its state in' });
  if (options.plan && options.from !== undefined)
    throw new UsageError('USAGE', '--from is for a repair, and a plan is of everything', {
      hint: 'leave out one of the two',
    });
  if (options.skipCheck && options.check.length > 0)
    throw new UsageError('USAGE', 'give only one of --check and --skip-check');
  if (options.diagnose !== undefined) await assertDiagnosisPlace(options.diagnose);
  const given = await readGivenValues(options.siteValues, signal);
  const access = await findClusterAccess(options, env);
  const receipt = await readReceiptRequest(context, options);
  const { auditLog, plan: isPlan, base: bases, parts } = options;
  const request = {
    action,
    archive: path,
    bases,
    parts,
    target: options.to,
    terms,
    auditLog,
    receipt,
    isPlan,
  } as const;
  await withAdmittedRelease(request, await siteEnvironment(context, options), async (admitted) => {
    const onRequest = listenTo(context.output)?.onRequest;
    await using client = new ClusterClient(access, { environment: env, signal, onRequest });
    await using opened = await openImageTarget(address, {
      ...options,
      allowHosts: options.allowHost,
      listener: listenTo(context.output),
      env,
    });
    const asked = await ask?.(client, admitted.archive);
    const platforms = options.platform.length === 0 ? undefined : options.platform;
    const plan = await prepareDeployment(
      {
        ...options,
        ...{ archive: admitted.archive, target: opened.target, client, given },
        rules: options.skipCheck ? 'skip' : options.check,
        ...asked,
      },
      {
        platforms,
        concurrency: options.concurrency,
        signal,
        requireEvidence: options.requireEvidence,
        verifyBase: options.verifyBase,
      },
    );
    await withDiagnosis(context, plan, options.diagnose, async (listened) => {
      if (options.plan) await reportChanges(listened, admitted, plan, options);
      else await carryOut(listened, admitted, plan, options);
    });
  });
}

async function readGivenValues(file: string | undefined, signal: AbortSignal): Promise<FilledValues> {
  if (file === undefined) return new Map();
  return parseSiteValues(
    await readTextFile(file, { what: 'values of the site', limit: MAX_VALUES_BYTES, signal }),
    file,
  );
}

async function reportChanges(
  { output }: Context,
  { archive }: AdmittedRelease,
  plan: DeployPlan,
  { forceConflicts }: DeployOptionValues,
): Promise<void> {
  const changes = await findChanges(plan, { force: forceConflicts });
  const subject = { archive, target: plan.load.target.name, plan };
  const { document, lines } = describeDeployPlan(subject, describeLoaded(plan), changes);
  output.result(document, lines);
  assertRulesMet(plan.rules, plan.profile);
  if (!hasChanges(plan, changes)) return;
  const count = changes.objects.filter(({ change }) => change !== 'none').length;
  throw new ChangesError('CHANGES', `there is something to do: ${formatCount(count, 'object')} would change`, {
    hint: 'run the same command without --plan',
    details: { objects: count },
  });
}

async function carryOut(
  context: Context,
  admitted: AdmittedRelease,
  plan: DeployPlan,
  options: DeployOptionValues,
): Promise<void> {
  const { output, signal } = context;
  const { archive } = admitted;
  noteHeld(output, plan.load.pending, nameContents(archive.release.inventory));
  for (const line of notUndoneLines(plan)) output.note(line);
  if (plan.rules?.state === 'skipped')
    output.note('warning: the rules that the release demands are not checked (--skip-check)');
  if (options.from !== undefined)
    output.note(`warning: what comes before step ${options.from} is taken as it is (--from)`);
  const contentOf = (outcome?: LoadOutcome): AuditContent => ({
    ...imageContent(outcomesOf(plan, outcome), plan.load.charts),
    cluster: {
      server: plan.client.access.server.origin,
      namespace: plan.deployment.namespace,
      profile: plan.profile,
      ...(plan.rules?.state === 'skipped' ? { rules: 'skipped' } : {}),
      ...(options.from === undefined ? {} : { from: options.from }),
    },
  });
  const { outcome, record } = await admitted.perform({
    planned: () => contentOf(),
    act: async (onRecord) => {
      using progress = await openProgress(context);
      progress.begin('verification', 'verifying', archive.contentBytes);
      progress.name(nameContents(archive.release.inventory));
      progress.begin('copy', plan.load.target.name, plan.load.bytes);
      const done = await deploy(plan, {
        load: {
          concurrency: options.concurrency,
          retry: retryPolicy(options.retries),
          skipRefusedEvidence: options.skipRefusedEvidence,
          onEvent: progress.onCopy,
          onVerified: progress.onVerified,
        },
        timeoutMs: (options.stepTimeout ?? DEFAULT_STEP_TIMEOUT_S) * 1000,
        force: options.forceConflicts,
        prune: options.prune,
        from: options.from,
        signal,
        onEvent: noteSteps(output),
        onRecord,
      });
      if (options.keep && options.state !== undefined) {
        output.note(`kept for a rollback: ${await keepArchive(options.state, archive, { signal })}`);
        await onRecord('keep', 1);
      }
      return done;
    },
    done: ({ load }) => contentOf(load),
    shortfall: ({ load }) => evidenceShortfall(outcomesOf(plan, load)),
  });
  noteRefused(output, outcome.load);
  const subject = { archive, target: plan.load.target.name, plan };
  const { document, lines } = describeDeploy(subject, describeLoaded(plan, outcome.load), outcome, record);
  output.result(document, lines);
  assertEvidenceKept(outcomesOf(plan, outcome.load));
}

function outcomesOf({ load, request }: DeployPlan, outcome?: LoadOutcome): readonly ImageOutcome[] {
  return toImageOutcomes(load.images, request.archive.release.inventory, load.pending, load.target, outcome);
}

function describeLoaded(plan: DeployPlan, outcome?: LoadOutcome): Described {
  const { skipped, charts, moves } = plan.load;
  return joinDescribed(
    describeImages(outcomesOf(plan, outcome), skipped),
    describeCharts(charts),
    describeMoves(moves, outcome !== undefined),
  );
}
