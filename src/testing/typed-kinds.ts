import type { Actor, KindsByName, KindTypes } from "../kinds/generated/types.ts";

/**
 * The stored kinds by what objects call them (`Pod`) and by the name of their resource (`pods`), so that
 * what a test reads is typed.
 */
export interface TypedKinds extends Omit<KindTypes, "actors.actors.troupe.dev">, Omit<KindsByName, "Actor"> {}

export type TypedKind = keyof TypedKinds;
export type ActorList = { readonly items: readonly Actor[] };

/** A selector as kubectl takes it, or labels that must all be there. */
export type LabelChoice = string | Readonly<Record<string, string>>;
