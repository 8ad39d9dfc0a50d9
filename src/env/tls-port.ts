/** A listening TLS port whose connections somebody else serves. The real one: `env/real/tls-port.ts`. */
export interface TlsPort {
  /** Answers the port that was bound. */
  listen(host: string, port: number): Promise<number>;
  /** New connections see this certificate, and are believed by these authorities; absent: by those of before. */
  loadCertificate(pair: {
    readonly certificate: string;
    readonly key: string;
    readonly clientAuthorities?: readonly string[];
  }): void;
  /** Takes no more connections; open ones stay. */
  close(): void;
}
