/** Checks what a locked release deploys by the rules that it demands: the same lock gives the same results, whenever it is checked. */
import { readBounded } from '../../base/files/read-file.ts';
import { divideAlternatives } from '../../compliance/alternatives.ts';
import { evaluateSubject, type SubjectResult } from '../../compliance/evaluate.ts';
import type { RuleException } from '../../compliance/exceptions.ts';
import { PROFILE_NAMES, rulesOf, type ProfileName } from '../../compliance/profiles.ts';
import type { Rule } from '../../compliance/rule.ts';
import { parseRules, type SiteRules } from '../../compliance/site/rules-file.ts';
import { carriedBy } from '../../compliance/carried.ts';
import { demandedProfiles } from '../../compliance/demands.ts';
import { createSubject, minorOf, type Subject } from '../../compliance/subject.ts';
import { UsageError } from '../../errors.ts';
import { readManifestFile } from '../../kubernetes/resources/manifest-file.ts';
import { isKubernetesFile, type KubernetesResource } from '../../kubernetes/resources/yaml-documents.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ReleaseLock } from '../../release/lock/lock-schema.ts';
import { DEFAULT_SETTINGS } from '../../release/spec/chart-spec.ts';
import type { FileContent } from '../../stores/files.ts';
import { openOwnRenderer, type OpenRenderer } from '../resolve/render-charts.ts';
import { contentBytes, readLockedValues } from '../resolve/rendered-manifests.ts';
import { renderSubject } from './chart-subject.ts';
import { openRenderer } from './check-options.ts';
import { readLockedRules, type RulesText } from './locked-rules.ts';

const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;

/** A locked release, and where its files are. */
export interface LockedCheckRequest {
  /** What is to be checked, and by what. */
  readonly lock: ReleaseLock;
  /** Of the lock. */
  readonly directory: string;
  /** The files of the lock, by digest. */
  readonly contents: ReadonlyMap<Digest, FileContent>;
  /** Whether charts are rendered; without it, a release that has some cannot be checked. @defaultValue true */
  readonly render?: boolean | undefined;
  /** Asked where there are charts to render. @defaultValue Helm's engine that came with this program, or a helm on PATH */
  readonly openRenderer?: OpenRenderer | undefined;
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
}

/** What became of the check of a release. */
export interface LockedCheck {
  /** All that were evaluated, the general ones first. */
  readonly rules: readonly Rule[];
  /** That some demand asks for. */
  readonly profiles: readonly ProfileName[];
  /** The files of rules as they are written. */
  readonly texts: readonly RulesText[];
  /** The same, as the lock pins them. */
  readonly files: readonly SiteRules[];
  /** All that these files make. */
  readonly exceptions: readonly RuleException[];
  /** With exceptions as they counted at the time of the release. */
  readonly results: readonly SubjectResult[];
  /** What no demand is about, or is not checked as it will be deployed. */
  readonly warnings: readonly string[];
}

/**
 * Evaluates the rules that a release demands on all that it deploys; undefined where it demands none.
 * @throws UsageError `USAGE` where charts are to be checked and not rendered. @throws IntegrityError `DIGEST_MISMATCH` for
 *   a file of rules or values that is another than the lock pins.
 */
export async function checkLockedRelease(request: LockedCheckRequest): Promise<LockedCheck | undefined> {
  const { lock, directory } = request;
  const { check } = lock;
  if (check === undefined) return undefined;
  const texts = await readLockedRules(check, directory);
  const files = parseRules(texts, rulesOf(PROFILE_NAMES));
  const exceptions = files.flatMap((file) => file.exceptions);
  const own = files.flatMap(({ rules }) => rules);
  const subjects = [...(await manifestSubjects(request)), ...(await chartSubjects(request))];
  const results: SubjectResult[] = [];
  const warnings: string[] = [];
  for (const { subject, values } of subjects) {
    const profiles = demandedProfiles(check.demands, values);
    if (profiles === undefined) warnings.push(`${subject.name} is not checked: no demand is about it`);
    else results.push(evaluateSubject(subject, [...rulesOf(profiles), ...own], { exceptions, now: lock.created }));
  }
  if (results.length === 0) {
    throw new UsageError('INVALID_SPEC', 'the release demands a check, and nothing it deploys is checked', {
      hint: 'name sets of values under check.demands, or leave check out of the release.yaml',
    });
  }
  const asked = new Set(results.flatMap((result) => result.results.map(({ rule }) => rule)));
  const profiles = PROFILE_NAMES.filter(
    (name) => name === 'general' || check.demands.some((demand) => demand.profiles.includes(name)),
  );
  const rules = [...rulesOf(PROFILE_NAMES), ...own].filter((rule) => asked.has(rule));
  return { rules, profiles, texts, files, exceptions, results, warnings };
}

/** A subject, and the set of values that it was made with; none for manifests. */
interface DemandedSubject {
  readonly subject: Subject;
  readonly values?: string | undefined;
}

async function manifestSubjects({ lock, contents }: LockedCheckRequest): Promise<readonly DemandedSubject[]> {
  const resources: KubernetesResource[] = [];
  for (const { kind, from, digest } of lock.files) {
    const content = contents.get(digest);
    if (kind !== 'manifest' || !isKubernetesFile(from) || content === undefined) continue;
    const bytes =
      'bytes' in content
        ? Buffer.from(content.bytes)
        : await readBounded(content.path, { what: 'a manifest', limit: MAX_MANIFEST_BYTES });
    resources.push(...readManifestFile(bytes.toString('utf8'), from, false).resources);
  }
  const parts = {
    ...partsOf(lock),
    namespace: DEFAULT_SETTINGS.namespace,
    kubeMinor: minorOf(DEFAULT_SETTINGS.kubeVersion) ?? 0,
  };
  return divideAlternatives(resources).map(({ folder, resources: own }) => ({
    subject: createSubject({ ...parts, name: folder === '' ? 'manifests' : folder, resources: own }),
  }));
}

async function chartSubjects(request: LockedCheckRequest): Promise<readonly DemandedSubject[]> {
  const { lock, directory, contents, signal, render = true } = request;
  const { openRenderer: open = openOwnRenderer(process.env['PATH'], signal) } = request;
  const charts = lock.rendering?.charts ?? [];
  if (lock.unrendered !== undefined || (charts.length > 0 && !render)) {
    const names = lock.unrendered ?? charts.map(({ from }) => from);
    throw new UsageError('USAGE', `the release is to be checked, and ${names.join(', ')} was not rendered`, {
      hint: 'leave out --no-render, or check in the release.yaml',
    });
  }
  const [first] = charts;
  if (first === undefined) return [];
  const renderer = await openRenderer(open);
  const subjects: DemandedSubject[] = [];
  for (const { from, digest, values, ...settings } of charts) {
    const chart = await contentBytes(contents.get(digest), from);
    for (const { name, files } of values) {
      const rendering = { ...settings, chart, shownAs: from, values: await readLockedValues(directory, files) };
      const parts = {
        ...partsOf(lock),
        name: `${from} (${name})`,
        namespace: settings.namespace,
        kubeMinor: minorOf(settings.kubeVersion) ?? 0,
      };
      subjects.push({ subject: await renderSubject(renderer, rendering, parts, signal), values: name });
    }
  }
  return subjects;
}

function partsOf({ images }: ReleaseLock): Pick<Subject, 'isCarried' | 'isLive'> {
  return { isCarried: carriedBy(images.map(({ reference }) => reference)), isLive: false };
}
