/** Holds what is about to be applied to rules: those that the release demands of itself, and those that the site asks for. Pure. */
import { carriedBy } from '../../../compliance/carried.ts';
import { demandedProfiles } from '../../../compliance/demands.ts';
import { evaluateSubject } from '../../../compliance/evaluate.ts';
import { PROFILE_NAMES, rulesOf, type ProfileName } from '../../../compliance/profiles.ts';
import { parseRules } from '../../../compliance/site/rules-file.ts';
import { createSubject, minorOf } from '../../../compliance/subject.ts';
import { CheckError } from '../../../errors.ts';
import type { ClusterObject } from '../../../kubernetes/cluster/cluster-object.ts';
import { NO_LINE, type KubernetesResource } from '../../../kubernetes/resources/yaml-documents.ts';
import type { DeployCheck } from '../../../release/deployment/deploy-document.ts';
import { PLAIN } from '../chosen-manifests.ts';

/** Which rules are asked for beside those of the release; `skip`: not even those are evaluated. */
export type AskedRules = readonly ProfileName[] | 'skip';

/** What is checked. */
export interface CheckedObjects {
  /** With placeholders where the site's values belong: rules are about what the release brings. */
  readonly objects: readonly ClusterObject[];
  readonly namespace: string;
  readonly profile: string;
  /** Every image of the release, by its original name and by the one at the site. */
  readonly images: readonly string[];
  /** `v1.37.2` */
  readonly kubeVersion: string;
  /** RFC 3339, in UTC: exceptions count as of the time of the release, as when it was built. */
  readonly created: string;
}

/** What became of it. */
export interface RulesOutcome {
  readonly state: 'met' | 'failed' | 'skipped';
  readonly profiles: readonly ProfileName[];
  /** How many rules were evaluated. */
  readonly rules: number;
  /** A line for each place that is not as demanded. */
  readonly failures: readonly string[];
  /** Places that an exception of the release lets be. */
  readonly excepted: number;
}

/**
 * Evaluates the rules; undefined where neither release nor site asks for any.
 * @throws UsageError `INVALID_SPEC` for rules of the release that this version does not understand
 */
export function checkObjects(
  demanded: DeployCheck | undefined,
  asked: AskedRules,
  checked: CheckedObjects,
): RulesOutcome | undefined {
  const { profile } = checked;
  const own = demanded && demandedProfiles(demanded.demands, profile === PLAIN ? undefined : profile);
  if (asked === 'skip') {
    if (own === undefined) return undefined;
    return { state: 'skipped', profiles: own, rules: 0, failures: [], excepted: 0 };
  }
  if (own === undefined && asked.length === 0) return undefined;
  const profiles = PROFILE_NAMES.filter((name) => (own ?? []).includes(name) || asked.includes(name));
  const files = parseRules(demanded?.rules ?? [], rulesOf(PROFILE_NAMES));
  const rules = [...rulesOf(profiles), ...(own === undefined ? [] : files.flatMap((file) => file.rules))];
  const exceptions = files.flatMap((file) => file.exceptions);
  const subject = createSubject({
    name: profile,
    resources: checked.objects.map((object) => toResource(object, profile)),
    namespace: checked.namespace,
    isCarried: carriedBy(checked.images),
    kubeMinor: minorOf(checked.kubeVersion) ?? 0,
    isLive: false,
  });
  const { results } = evaluateSubject(subject, rules, { exceptions, now: checked.created });
  const violations = results.flatMap(({ rule, violations: found }) => found.map((each) => ({ rule, ...each })));
  const counts = violations.filter(({ exception, isExpired }) => exception === undefined || isExpired === true);
  return {
    state: counts.length === 0 ? 'met' : 'failed',
    profiles,
    rules: rules.length,
    failures: counts.map(({ rule, kind, name, namespace, field, message }) => {
      const object = name === '' ? `${kind} in ${namespace ?? 'the cluster'}` : `${kind}/${name}`;
      return `${rule.id}: ${object} ${field}: ${message}`;
    }),
    excepted: violations.length - counts.length,
  };
}

/** @throws CheckError `CHECK_FAILED` naming each rule, object and field that is not as demanded */
export function assertRulesMet(outcome: RulesOutcome | undefined, profile: string): void {
  if (outcome?.state !== 'failed') return;
  throw new CheckError(
    'CHECK_FAILED',
    `profile ${profile} is not as its rules demand (${outcome.profiles.join(', ') || 'general'})`,
    {
      items: outcome.failures,
      hint: 'nothing was changed; have the release corrected, or an exception with a reason made in it; --skip-check goes on, and is on record',
    },
  );
}

function toResource(object: ClusterObject, fileName: string): KubernetesResource {
  const { apiVersion, kind, metadata } = object;
  return {
    apiVersion,
    kind,
    name: typeof metadata.name === 'string' ? metadata.name : '',
    ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
    value: object,
    fileName,
    line: NO_LINE,
    lineOf: () => NO_LINE,
  };
}
