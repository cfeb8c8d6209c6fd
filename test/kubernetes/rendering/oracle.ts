/** What the real `helm template` prints for a request, run the plain way. */
import { writeFile } from 'node:fs/promises';
import type { RenderRequest } from '../../../src/kubernetes/rendering/chart-renderer.ts';
import { run } from '../../helpers/run.ts';
import type { ProcessResult } from '../../helpers/process.ts';
import type { TempDir } from '../../helpers/temp.ts';

/** Runs `helm template` with what the request says. */
export async function helmTemplate(helm: string, request: RenderRequest, temp: TempDir): Promise<ProcessResult> {
  await writeFile(temp.join('oracle.tgz'), request.chart);
  const values: string[] = [];
  for (const [index, { text }] of request.values.entries()) {
    values.push('--values', temp.join(`${index}.yaml`));
    await writeFile(temp.join(`${index}.yaml`), text);
  }
  const apis = request.apiVersions.flatMap((version) => ['--api-versions', version]);
  const args = [
    ...['template', request.releaseName, temp.join('oracle.tgz'), '--namespace', request.namespace],
    ...['--kube-version', request.kubeVersion, ...apis, ...values],
    ...(request.includeCrds ? ['--include-crds'] : []),
    ...(request.skipSchemaValidation === true ? ['--skip-schema-validation'] : []),
  ];
  return run(helm, args, { env: { HOME: temp.path, KUBECONFIG: temp.join('none') } });
}
