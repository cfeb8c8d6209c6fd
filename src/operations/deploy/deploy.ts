/**
 * Brings a release up: loads it, applies its objects in their order, waits for each step, checks what is there. Each step
 * is told and recorded; a run that was ended goes on where it stopped, and one that has nothing to do changes nothing.
 */
import { inContext } from '../../errors.ts';
import { formatKey, keyOf, type ClusterObject } from '../../kubernetes/cluster/cluster-object.ts';
import type { InstallStep, InstallStepName } from '../../kubernetes/cluster/install-steps.ts';
import { waitReady, type Waiting, type WaitOptions } from '../../kubernetes/cluster/readiness/wait-ready.ts';
import { loadRelease, type LoadOptions, type LoadOutcome } from '../load/load.ts';
import { applyObject, awaitKind, isJob, jobDigest, type AppliedResult } from './applied-object.ts';
import { DeploymentRecord, keepValues, writeRecord } from './deployment-record.ts';
import { checkDeployed, type CheckedDeployment } from './final-check.ts';
import { isNewKind, prepareDeployment, type DeployPlan } from './prepare.ts';
import { REPAIR_STEPS, type RepairStep } from './steps/repair-steps.ts';
import { findLeftovers, prune, type Leftovers } from './prune.ts';
import { historyAfter } from './rollback/release-history.ts';
import { assertRulesMet } from './steps/check-step.ts';
import { runInit, type InitOutcome } from './steps/init-step.ts';

/** The steps of a deployment, in their order. */
export type DeployStepName = 'rules' | 'load' | InstallStepName | 'init' | 'prune' | 'check';

/** What is told while a deployment is under way. */
export type DeployEvent =
  | { readonly type: 'begun'; readonly step: DeployStepName }
  | { readonly type: 'applied'; readonly object: string; readonly result: AppliedResult }
  | { readonly type: 'init'; readonly title: string; readonly what: 'runs' | 'runs again' | 'done' }
  | { readonly type: 'waiting'; readonly waiting: readonly Waiting[] }
  | { readonly type: 'leftovers'; readonly leftovers: Leftovers }
  | { readonly type: 'done'; readonly step: DeployStepName; readonly changed: number };

/** Options of {@link deploy}. */
export interface DeployOptions {
  /** How images are loaded. */
  readonly load?: LoadOptions | undefined;
  /** Milliseconds that one step may take. */
  readonly timeoutMs: number;
  /** Take over fields that others have set. @defaultValue false */
  readonly force?: boolean | undefined;
  /** Leave out the steps before this one, but for the load: what they apply is taken as it is. @defaultValue none */
  readonly from?: RepairStep | undefined;
  /** Delete what earlier releases applied and this one has no longer. @defaultValue false */
  readonly prune?: boolean | undefined;
  /** Ends what is under way; the next deployment goes on there. */
  readonly signal?: AbortSignal | undefined;
  /** Told what happens, as it does. */
  readonly onEvent?: ((event: DeployEvent) => void) | undefined;
  /** Puts on record that a step is done, before the next begins. */
  readonly onRecord?: ((step: DeployStepName, changed: number) => Promise<void>) | undefined;
}

/** One object and what became of it. */
export interface DeployedObject {
  readonly step: InstallStepName;
  /** `Deployment shop/api` */
  readonly object: string;
  readonly result: AppliedResult;
}

/** What a deployment did. */
export interface DeployOutcome {
  /** What was loaded. */
  readonly load: LoadOutcome;
  /** Each object, in the order it was applied in. */
  readonly objects: readonly DeployedObject[];
  /** The command that sets the platform up; absent where there is none. */
  readonly init?: InitOutcome | undefined;
  /** What earlier releases applied and this one has no longer. */
  readonly leftovers: Leftovers;
  /** Whether those that may be deleted were. */
  readonly isPruned: boolean;
  /** What is to be known of it now that it is ready. */
  readonly checked: CheckedDeployment;
}

/**
 * Carries out a plan. Idempotent: after any interruption, plan and deploy again.
 * @throws IntegrityError when the payload is wrong: nothing of the release is visible then, in no registry and no cluster
 * @throws CheckError `CHECK_FAILED` when rules are not met, before anything has changed
 * @throws HttpError `CONFLICT`, `CLUSTER`, AuthError, for what the cluster refuses; ClusterError `NOT_READY`, with why
 */
export async function deploy(plan: DeployPlan, options: DeployOptions): Promise<DeployOutcome> {
  const { load: loadOptions, signal } = options;
  const { rules } = plan;
  if (rules !== undefined && rules.state !== 'skipped') {
    await runStep('rules', options, async () => {
      assertRulesMet(rules, plan.profile);
      return { value: undefined, changed: 0 };
    });
  }
  const load = await runStep('load', options, async () => {
    const outcome = await loadRelease(plan.load, { ...loadOptions, signal });
    return { value: outcome, changed: outcome.copied + outcome.tagged };
  });
  // The registry took an index with another digest than was planned: objects name what it has.
  const isRebuilt = load.substituted.length > plan.load.pending.substituted.length;
  const run = new DeployRun(
    isRebuilt
      ? await prepareDeployment({ ...plan.request, given: plan.values }, { ...plan.loadOptions, signal })
      : plan,
    options,
  );
  await run.compare();
  const { from } = options;
  const isBefore = (name: InstallStepName): boolean =>
    from !== undefined && REPAIR_STEPS.indexOf(name) < REPAIR_STEPS.indexOf(from);
  for (const { name } of plan.steps) if (!isBefore(name)) await run.install(name);
  const init = await run.initialise();
  const leftovers = await run.prune();
  const checked = await run.check();
  return { load, objects: run.objects, init, leftovers, isPruned: options.prune === true, checked };
}

/** One step: told when it begins, on record when it is done. */
async function runStep<T>(
  name: DeployStepName,
  { onEvent, onRecord }: DeployOptions,
  work: () => Promise<{ readonly value: T; readonly changed: number }>,
): Promise<T> {
  onEvent?.({ type: 'begun', step: name });
  try {
    const { value, changed } = await work();
    await onRecord?.(name, changed);
    onEvent?.({ type: 'done', step: name, changed });
    return value;
  } catch (error) {
    throw name === 'load' || name === 'rules' ? error : inContext(error, `step ${name}`);
  }
}

class DeployRun {
  readonly objects: DeployedObject[] = [];
  readonly #plan: DeployPlan;
  readonly #options: DeployOptions;
  readonly #all: readonly ClusterObject[];
  #leftovers: Leftovers = { prunable: [], kept: [] };
  readonly #jobs: Record<string, string>;
  #init: DeploymentRecord['init'];
  #written: string;
  #isBegun = false;

  constructor(plan: DeployPlan, options: DeployOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#all = plan.steps.flatMap(({ objects }) => objects);
    this.#jobs = { ...plan.doneJobs };
    this.#init = plan.recordedInit;
    this.#written = JSON.stringify(plan.previous);
  }

  /** What is left of earlier releases, before anything changes. */
  async compare(): Promise<void> {
    const { client, previous, place } = this.#plan;
    this.#leftovers = await findLeftovers(client, previous, this.#all.map(keyOf), place);
  }

  async install(name: InstallStepName): Promise<void> {
    const step = this.#plan.steps.find((each) => each.name === name);
    if (step === undefined) return;
    await runStep(step.name, this.#options, async () => {
      // Earlier than that there may be no namespace to keep it in.
      if (step.name !== 'definitions' && step.name !== 'namespaces') await this.#begin();
      let changed = 0;
      for (const object of step.objects) {
        const result = await this.#apply(step, object);
        if (result !== 'unchanged' && result !== 'done') changed += 1;
      }
      await this.#waitStep(step);
      if (step.name === 'definitions') this.#plan.client.forget();
      return { value: undefined, changed };
    });
  }

  /** Puts in the cluster, once, what is about to be applied: values first, so that none is made twice. */
  async #begin(): Promise<void> {
    if (this.#isBegun) return;
    this.#isBegun = true;
    const { client, place, values, kept } = this.#plan;
    const isKept = [...values].every(([name, value]) => kept.get(name) === value);
    if (!isKept) await keepValues(client, place, new Map([...kept, ...values]));
    // Where the same release is complete already, this run may have nothing to do.
    if (!this.#isWritten('complete')) await this.#remember('applying');
  }

  async #apply(step: InstallStep, object: ClusterObject): Promise<AppliedResult> {
    const { client } = this.#plan;
    const { force = false, signal, onEvent } = this.#options;
    if (isNewKind(this.#plan, object)) await awaitKind(client, object, signal);
    const waiting = this.#waitOptions();
    const result = await applyObject(client, object, {
      ...waiting,
      force,
      place: this.#plan.place,
      doneJobs: this.#jobs,
      isGoingBack: this.#plan.request.goingBack !== undefined,
    });
    const title = formatKey(keyOf(object));
    this.objects.push({ step: step.name, object: title, result });
    onEvent?.({ type: 'applied', object: title, result });
    const isDone = result === 'done' || result === 'removed';
    if (step.isSerial && !isDone) await waitReady(client, [keyOf(object)], waiting);
    if (isJob(object) && (step.isSerial || isDone)) await this.#jobDone(object);
    return result;
  }

  /** At once: it has run, whatever comes next. */
  async #jobDone(job: ClusterObject): Promise<void> {
    const [name, digest] = [formatKey(keyOf(job)), jobDigest(job)];
    if (this.#jobs[name] === digest) return;
    this.#jobs[name] = digest;
    await this.#remember('applying');
  }

  /** Settings are there once they are applied; claims wait for the pods that use them. */
  async #waitStep({ name, objects, isSerial }: InstallStep): Promise<void> {
    if (isSerial || name === 'settings') return;
    const waited = objects.filter(
      (object) => !(isJob(object) && this.#jobs[formatKey(keyOf(object))] === jobDigest(object)),
    );
    await waitReady(this.#plan.client, waited.map(keyOf), this.#waitOptions());
    for (const job of waited.filter(isJob)) await this.#jobDone(job);
  }

  /** Once for each release: that it was begun is remembered before, that it is done after. */
  async initialise(): Promise<InitOutcome | undefined> {
    const { client, init, values } = this.#plan;
    if (init === undefined) return undefined;
    await this.#begin();
    const { digest, title } = init;
    const { signal, onEvent } = this.#options;
    return await runStep('init', this.#options, async () => {
      const isSame = this.#init?.digest === digest;
      const what = isSame ? (this.#init?.state === 'done' ? 'done' : 'runs again') : 'runs';
      onEvent?.({ type: 'init', title, what });
      if (what === 'done') return { value: { title, result: 'done', output: [] }, changed: 0 };
      this.#init = { digest, state: 'begun' };
      await this.#remember('applying');
      const outcome = await runInit(client, init, values, signal);
      this.#init = { digest, state: 'done' };
      await this.#remember('applying');
      return { value: outcome, changed: 1 };
    });
  }

  async prune(): Promise<Leftovers> {
    const { client } = this.#plan;
    const { prune: isAsked = false, onEvent } = this.#options;
    const leftovers = this.#leftovers;
    if (leftovers.prunable.length + leftovers.kept.length > 0) onEvent?.({ type: 'leftovers', leftovers });
    if (!isAsked || leftovers.prunable.length === 0) return leftovers;
    await runStep('prune', this.#options, async () => {
      await prune(client, leftovers);
      return { value: undefined, changed: leftovers.prunable.length };
    });
    return leftovers;
  }

  async check(): Promise<CheckedDeployment> {
    await this.#begin();
    return await runStep('check', this.#options, async () => {
      const checked = await checkDeployed(this.#plan.client, this.#all, this.#waitOptions());
      await this.#remember('complete');
      return { value: checked, changed: 0 };
    });
  }

  async #remember(state: DeploymentRecord['state']): Promise<void> {
    if (this.#isWritten(state)) return;
    const record = this.#record(state);
    await writeRecord(this.#plan.client, this.#plan.place, record);
    this.#written = JSON.stringify(record);
  }

  #isWritten(state: DeploymentRecord['state']): boolean {
    return this.#written === JSON.stringify(this.#record(state));
  }

  #record(state: DeploymentRecord['state']): DeploymentRecord {
    const { release, profile, previous, request } = this.#plan;
    const { prunable, kept } = this.#leftovers;
    const isPruned = state === 'complete' && this.#options.prune === true;
    // Whatever may be there is remembered: only what is can be pruned one day.
    const { namespace } = this.#plan.place;
    // Whether it was made here or was there before, the namespace itself is no object of the release.
    const own = this.#all.map(keyOf).filter(({ kind, name }) => !(kind === 'Namespace' && name === namespace));
    const objects = [...own, ...(isPruned ? [] : prunable), ...kept];
    const history = historyAfter(previous, release);
    const init = this.#init === undefined ? {} : { init: this.#init };
    const { components, settings = [] } = request;
    const narrowed = {
      ...(components && { components: components.toSorted() }),
      ...(settings.length > 0 && { settings: [...settings] }),
    };
    // As it will be read, so that it can be compared with what was.
    return DeploymentRecord.parse({
      schemaVersion: 1,
      release,
      profile,
      ...narrowed,
      state,
      objects,
      jobs: this.#jobs,
      ...init,
      ...history,
    });
  }

  #waitOptions(): WaitOptions {
    const { timeoutMs, signal, onEvent } = this.#options;
    return { timeoutMs, signal, onWaiting: (waiting) => onEvent?.({ type: 'waiting', waiting }) };
  }
}
