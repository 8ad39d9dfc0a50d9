import type { Bug } from "../bugs.ts";
export const objectBugs: readonly Bug[] = [];
