/** The form of rules about pods: what each pod, or each container, must not or must say. */
import type { YamlPath } from '../../base/yaml-source.ts';
import { evaluateEach, violationAt, type Rule, type Violation } from '../rule.ts';
import type { ContainerPlace, PodPlace } from '../subject.ts';
import { valueAt } from '../values.ts';

/** One field that is wrong, by its path from the pod's spec or from the container. */
export interface Fault {
  readonly path: YamlPath;
  readonly message: string;
}

type Words = Omit<Rule, 'evaluate'>;

/** A rule on every pod. Paths are from its spec. */
export function podRule(
  words: Words,
  faultsOf: (pod: PodPlace) => readonly Fault[],
  applies: (pod: PodPlace) => boolean = () => true,
): Rule {
  return {
    ...words,
    evaluate: ({ pods }) =>
      evaluateEach(pods.filter(applies), (pod) => faultsOf(pod).map((fault) => inPod(pod, fault))),
  };
}

/** A rule on every container. Paths are from the container. */
export function containerRule(
  words: Words,
  faultsOf: (container: ContainerPlace, pod: PodPlace) => readonly Fault[],
  applies: (container: ContainerPlace, pod: PodPlace) => boolean = () => true,
): Rule {
  return {
    ...words,
    evaluate: ({ pods }) => {
      const all = pods.flatMap((pod) => pod.containers.map((container) => ({ container, pod })));
      const applying = all.filter(({ container, pod }) => applies(container, pod));
      return evaluateEach(applying, ({ container, pod }) =>
        faultsOf(container, pod).map(({ path, message }) =>
          violationAt(pod.resource, [...container.path, ...path], `container ${container.name}: ${message}`),
        ),
      );
    },
  };
}

function inPod(pod: PodPlace, { path, message }: Fault): Violation {
  return violationAt(pod.resource, [...pod.path, ...path], message);
}

/** A field of the security context of a container, or else of its pod. */
export function effective(container: ContainerPlace, pod: PodPlace, path: YamlPath): unknown {
  return valueAt(container.value, ['securityContext', ...path]) ?? valueAt(pod.spec, ['securityContext', ...path]);
}

/** A fault at each of these paths whose value is not allowed. */
export function faultsAt(
  value: unknown,
  paths: readonly YamlPath[],
  isAllowed: (held: unknown) => boolean,
  message: (held: unknown) => string,
): readonly Fault[] {
  return paths.flatMap((path) => {
    const held = valueAt(value, path);
    return isAllowed(held) ? [] : [{ path, message: message(held) }];
  });
}
