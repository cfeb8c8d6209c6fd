/** Secrets: none travels in a release, and none stands where everyone reads it. */
import type { YamlPath } from '../../base/yaml-source.ts';
import { evaluateEach, violationAt, type Evaluation, type Rule } from '../rule.ts';
import type { Subject } from '../subject.ts';
import { entriesAt, itemsAt, textOf, valueAt } from '../values.ts';

const SERVES = ['GDPR Art. 32(1)(a)', '45 CFR 164.312(a)(2)(iv)', 'CIS Kubernetes Benchmark, secrets'];

/** What a person writes in the place of a value that the site fills in. */
const PLACEHOLDER =
  /^(|changeme|change-me|placeholder|replace-?me|todo|x+|\*+|<[^<>]*>|\$\{[^{}]*\}|\$\([^()]*\)|\{\{.*\}\})$/i;
/** Names of what is a secret by itself; names of files, of keys in a secret, and durations are none. */
const SECRET_NAME =
  /(^|[_.-])(password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|encryption[_-]?key|session[_-]?key|credentials?)$/i;
/** What is a secret whatever its name. */
const SECRET_VALUE =
  /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bglpat-[\w-]{20}\b|^[a-z][a-z0-9+.-]*:\/\/[^\s/:@]+:[^\s/@]+@/;

export const SECRET_RULES: readonly Rule[] = [
  {
    id: 'secret-data',
    title: 'No Secret carries a value',
    severity: 'high',
    serves: SERVES,
    shows: 'Each Secret of the release is empty or holds placeholders; its values are made at the site.',
    cannotShow: 'That the values which the site makes are strong, or are kept encrypted in the cluster.',
    evaluate: ({ resources, isLive }) =>
      // In a cluster that runs, secrets are filled in.
      evaluateEach(
        isLive ? [] : resources.filter(({ kind, apiVersion }) => kind === 'Secret' && apiVersion === 'v1'),
        (secret) => [
          ...entriesAt(secret.value, ['data'])
            .filter(([, value]) => !isPlaceholder(textOf(value)) && !isPlaceholder(fromBase64(textOf(value))))
            .map(([key]) => violationAt(secret, ['data', key], 'carries a value')),
          ...entriesAt(secret.value, ['stringData'])
            .filter(([, value]) => !isPlaceholder(textOf(value)))
            .map(([key]) => violationAt(secret, ['stringData', key], 'carries a value')),
        ],
      ),
  },
  {
    id: 'secret-in-clear',
    title: 'No secret stands in a variable or a ConfigMap',
    severity: 'high',
    serves: SERVES,
    shows: 'No variable of a container and no key of a ConfigMap has the name or the form of a secret and a value.',
    cannotShow: 'That no secret has an unusual name and form, or is built into an image.',
    evaluate: (subject: Subject): Evaluation => {
      const texts = [...variablesOf(subject), ...configurationOf(subject)];
      return evaluateEach(texts, ({ resource, path, name, value }) =>
        looksSecret(name, value)
          ? [violationAt(resource, path, `${name} looks like a secret; take it from a Secret (valueFrom.secretKeyRef)`)]
          : [],
      );
    },
  },
];

interface NamedText {
  readonly resource: Subject['resources'][number];
  readonly path: YamlPath;
  readonly name: string;
  readonly value: string;
}

function variablesOf({ pods }: Subject): readonly NamedText[] {
  return pods.flatMap(({ resource, containers }) =>
    containers.flatMap((container) =>
      itemsAt(container.value, ['env']).flatMap((variable, index) => {
        const value = valueAt(variable, ['value']);
        if (value === undefined || value === null) return [];
        const path = [...container.path, 'env', index, 'value'];
        return [{ resource, path, name: textOf(valueAt(variable, ['name'])), value: textOf(value) }];
      }),
    ),
  );
}

function configurationOf({ resources }: Subject): readonly NamedText[] {
  return resources
    .filter(({ kind, apiVersion }) => kind === 'ConfigMap' && apiVersion === 'v1')
    .flatMap((resource) =>
      entriesAt(resource.value, ['data']).map(([name, value]) => ({
        resource,
        path: ['data', name],
        name,
        value: textOf(value),
      })),
    );
}

/** Whether a text has the name or the form of a secret, and a value. */
export function looksSecret(name: string, value: string): boolean {
  if (SECRET_VALUE.test(value)) return true;
  return SECRET_NAME.test(name) && !isPlaceholder(value) && !isElsewhere(value);
}

/** A path to a file, an address, a yes or no: it says where a secret is, or how it is handled. */
function isElsewhere(value: string): boolean {
  return (
    /^(\/|\.\/|https?:\/\/[^@]*$|file:)/.test(value) ||
    /^(true|false|enabled|disabled|required|optional|[0-9]+[smhd]?)$/i.test(value)
  );
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}

function isPlaceholder(value: string): boolean {
  return PLACEHOLDER.test(value.trim());
}
