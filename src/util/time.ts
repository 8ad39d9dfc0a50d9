/** Milliseconds since the Unix epoch where an instant is meant, else a length of time. */
export type Millis = number;
