/** A rule: what it demands, which article or section it serves, what it shows and cannot show, and how it is evaluated. */
import type { YamlPath } from '../base/yaml-source.ts';
import { formatPath } from '../kubernetes/resources/image-places.ts';
import type { KubernetesResource } from '../kubernetes/resources/yaml-documents.ts';
import type { Subject } from './subject.ts';

/** How much harm a violation may do. */
export type Severity = 'high' | 'medium' | 'low';

/** One thing that is not as a rule demands. */
export interface Violation {
  /** Of the object that is wrong, or of the one that is missing. */
  readonly kind: string;
  /** Empty for an object that is missing. */
  readonly name: string;
  /** Absent for objects of the whole cluster. */
  readonly namespace?: string | undefined;
  /** Where it was read; absent for an object that is missing. */
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  /** `spec.template.spec.containers[0].image` */
  readonly field: string;
  /** What is wrong there, in words that fit behind the place. */
  readonly message: string;
}

/** What became of one rule. */
export interface Evaluation {
  /** How many things the rule applied to; none makes it not applicable. */
  readonly looked: number;
  readonly violations: readonly Violation[];
}

/** One rule. Its words are data: reports show them as they are. */
export interface Rule {
  /** Stable: reports are compared by it. */
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  /** Articles, sections and standards, such as `GDPR Art. 32(1)(a)`. */
  readonly serves: readonly string[];
  readonly shows: string;
  readonly cannotShow: string;
  /** Pure: no clock, no network, no files. */
  readonly evaluate: (subject: Subject) => Evaluation;
}

/** A violation at a place of an object. */
export function violationAt(resource: KubernetesResource, path: YamlPath, message: string): Violation {
  const { kind, name, namespace, fileName } = resource;
  // What a chart rendered has lines that no file has.
  const line = resource.lineOf(path);
  return {
    kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    file: fileName,
    ...(line > 0 ? { line } : {}),
    field: formatPath(path),
    message,
  };
}

/** Evaluates each of several things by itself, and counts them. */
export function evaluateEach<T>(things: readonly T[], violationsOf: (thing: T) => readonly Violation[]): Evaluation {
  return { looked: things.length, violations: things.flatMap(violationsOf) };
}
