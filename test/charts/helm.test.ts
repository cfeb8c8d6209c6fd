/** The real Helms on the shipped platform: each finds nothing to blame in any profile, and renders what our engine does. */
import { describe, expect, it } from 'vitest';
import type { KubernetesResource } from '../../src/kubernetes/resources/yaml-documents.ts';
import { readKubernetesYaml } from '../../src/kubernetes/resources/yaml-documents.ts';
import { EFFORT } from '../helpers/effort.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { runOk } from '../helpers/run.ts';
import { useTempDir } from '../helpers/temp.ts';
import { joinDocuments } from '../../src/kubernetes/rendering/rendered-documents.ts';
import { helmTemplate } from '../kubernetes/rendering/oracle.ts';
import { HELM_ENGINE } from '../kubernetes/rendering/renderers.ts';
import { CHART, COMBINATIONS, OVERLAYS, profileFile, requestFor } from './render-profile.ts';

const temp = useTempDir();
/** Without the patterns with one overlay, whose templates the patterns alone and those with both have; those with more effort. */
const LINTED = ['', ...OVERLAYS, ...COMBINATIONS].filter((name) => EFFORT > 1 || !/^[^+]+\+[^+]+$/.test(name));
/** Between them they use every template. */
const COMPARED = ['medium-enterprise+gdpr+hipaa', 'hybrid+gdpr', 'primary', 'edge+hipaa'];

/** What is the same in two renderings: values of secrets are random. */
function stable(resources: readonly KubernetesResource[]): readonly unknown[] {
  return resources.map(({ kind, value }) =>
    kind === 'Secret' ? { ...value, data: Object.keys(value['data'] as object) } : value,
  );
}

describe.each(['helm3', 'helm4'])('%s', (tool) => {
  it.each(LINTED)(
    'lints "%s" without a warning',
    async (combination) => {
      const helm = requireTool(tool);
      if (helm === undefined) return;
      const names = combination === '' ? [] : combination.split('+');
      const files = names.flatMap((name) => ['--values', profileFile(name)]);
      const env = { HOME: temp.path, KUBECONFIG: temp.join('none') };
      const { stdout } = await runOk(helm, ['lint', '--strict', '--kube-version', '1.34.2', CHART, ...files], { env });
      expect(stdout).toContain('1 chart(s) linted, 0 chart(s) failed');
      expect(stdout).not.toContain('[WARNING]');
    },
  );

  it.for(COMPARED)('renders %s as the engine of the product does', async (combination, t) => {
    const helm = requireTool(tool) ?? t.skip();
    const engine = (await HELM_ENGINE.open()) ?? t.skip();
    const request = await requestFor(combination);
    const [{ stdout }, { documents }] = await Promise.all([
      helmTemplate(helm, request, temp),
      engine.render(request),
    ]);
    expect(stable(readKubernetesYaml(stdout, 'helm.yaml'))).toEqual(
      stable(readKubernetesYaml(joinDocuments(documents), 'engine.yaml')),
    );
  });
});
