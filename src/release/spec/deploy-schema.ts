/** `deploy` of a release.yaml: what a deployment of the release does beside applying its manifests. */
import * as z from 'zod';
import { InitCommand } from '../deployment/deploy-document.ts';

/** The whole of `deploy`. */
export const SpecDeploy = z
  .strictObject({ init: InitCommand.optional() })
  .describe('What airgap deploy does beside applying manifests and waiting for them.');

/** `deploy`, as the rest of the product sees it. */
export type DeploySpec = z.infer<typeof SpecDeploy>;
