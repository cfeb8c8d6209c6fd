/** The steps that a repair may begin with. What is set up, and whether everything is there, is looked at always. */
import { INSTALL_STEPS } from '../../../kubernetes/cluster/install-steps.ts';

/** In their order. */
export const REPAIR_STEPS = [...INSTALL_STEPS, 'init'] as const;
/** One of them. */
export type RepairStep = (typeof REPAIR_STEPS)[number];
