/** accept, dismiss and rules of a release.yaml: what they are about, and every mistake. */
import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/errors.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { parseSpec } from '../../../src/release/spec/spec.ts';
import { isDecidedBy, parseDecisionPattern } from '../../../src/release/suspects/decision-pattern.ts';

const HEAD = `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: demo
version: 1.2.3
platforms: all
components: [{name: app}]
`;

function messageOf(text: string): string {
  try {
    parseSpec(HEAD + text, 'release.yaml');
  } catch (error) {
    if (error instanceof AirgapError) return error.message;
    throw error;
  }
  throw new Error('was accepted');
}

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('a decision', () => {
  it.each([
    ['quay.io/acme/proxy:1.2', 'quay.io/acme/proxy:1.2', true],
    ['quay.io/acme/proxy:1.2', 'quay.io/acme/proxy:1.20', false],
    ['quay.io/acme/proxy:1.2', `quay.io/acme/proxy:1.2@${DIGEST}`, true],
    ['quay.io/acme/proxy', 'quay.io/acme/proxy:1.2', true],
    ['quay.io/acme/proxy', `quay.io/acme/proxy@${DIGEST}`, true],
    [`quay.io/acme/proxy@${DIGEST}`, 'quay.io/acme/proxy:1', false],
    ['quay.io/acme/*', 'quay.io/acme/a/b:1', true],
    ['quay.io/acme/*', 'quay.io/acmeother/b:1', false],
    ['quay.io/acme/*:1.*', 'quay.io/acme/a:1.2', true],
    ['quay.io/acme/*:1.*', 'quay.io/acme/a:2.1', false],
    ['quay.io/acme/*:1.*', `quay.io/acme/a@${DIGEST}`, false],
    ['quay.io/*', 'quay.io.example.com/a:1', false],
    ['r.example.com:5000/a/*:1', 'r.example.com:5000/a/b:1', true],
    ['r.example.com:5000/a/*', 'r.example.com:5001/a/b:1', false],
    ['busybox:1', 'docker.io/library/busybox:1', true],
    ['*', 'docker.io/library/busybox:1', true],
  ])('for %s and %s: %s', (pattern, reference, is) => {
    expect(isDecidedBy(parseDecisionPattern(pattern), parseReference(reference))).toBe(is);
  });

  it('is read with its reason and its place, and so are the places that hold images', () => {
    const { decisions } = parseSpec(
      `${HEAD}accept:
  - quay.io/acme/proxy:1.2
  - {image: quay.io/acme/*, reason: started by the operator}
dismiss:
  - {image: busybox:1, reason: only tests}
rules:
  - {kind: Widget, apiVersion: acme.io/v1, path: 'spec.workers[*].image'}`,
      'release.yaml',
    );
    expect(decisions).toMatchObject({
      accept: [
        { image: 'quay.io/acme/proxy:1.2', at: 'release.yaml:8:5' },
        { image: 'quay.io/acme/*', reason: 'started by the operator', at: 'release.yaml:9:5' },
      ],
      dismiss: [{ image: 'busybox:1', reason: 'only tests', at: 'release.yaml:11:5' }],
      rules: [
        { kind: 'Widget', apiVersion: 'acme.io/v1', path: { text: 'spec.workers[*].image' }, at: 'release.yaml:13:5' },
      ],
    });
  });

  it.each([
    ['without a reason for what is left out', 'dismiss: [{image: a/b:1}]', 'dismiss[0].reason: is missing'],
    ['with an empty reason', "dismiss: [{image: a/b:1, reason: '  '}]", 'dismiss[0].reason: must not be empty'],
    ['as bare text', 'dismiss: [a/b:1]', 'dismiss[0]: expected a mapping'],
    ['about no image', 'accept: [quay.io/Acme/*]', 'accept[0]: invalid pattern'],
    ['with a field of another name', 'accept: [{imag: a/b:1}]', 'unknown field "imag" (did you mean image?)'],
    [
      'that is taken twice',
      'accept: [a/b:1]\ndismiss: [{image: a/b:1, reason: x}]',
      'release.yaml:8:11: dismiss[0]: a/b:1 is accepted in line 7 (decide once)',
    ],
    [
      'by a path that is none',
      "rules: [{kind: A, path: 'spec..image'}]",
      'rules[0].path: is no path to a place in a resource',
    ],
    ['by a kind that is none', 'rules: [{kind: a.b, path: spec}]', 'rules[0].kind: must be a kind, such as Deployment'],
  ])('is refused %s', (_what, text, message) => expect(messageOf(text)).toContain(message));
});
