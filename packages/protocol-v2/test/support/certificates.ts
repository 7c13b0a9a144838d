import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A certificate and its key, PEM. */
export interface Certified {
  readonly cert: string;
  readonly key: string;
}

/** An authority of a test's own, and whom it vouches for on this machine. */
export interface Authority {
  readonly ca: string;
  issue(name: string): Promise<Certified>;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;

export async function createAuthority(): Promise<Authority> {
  const keys = await newKeys();
  const subject = "CN=test authority";
  const ca = await certify({
    subject,
    issuer: subject,
    keys,
    signingKey: keys.privateKey,
    isAuthority: true,
  });
  return {
    ca: ca.toString("pem"),
    async issue(name) {
      const own = await newKeys();
      const certificate = await certify({
        subject: `CN=${name}`,
        issuer: subject,
        keys: own,
        signingKey: keys.privateKey,
        isAuthority: false,
      });
      const exported = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", own.privateKey)).toString(
        "base64",
      );
      const key = `-----BEGIN PRIVATE KEY-----\n${exported}\n-----END PRIVATE KEY-----\n`;
      return { cert: certificate.toString("pem"), key };
    },
  };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

function certify(request: {
  subject: string;
  issuer: string;
  keys: webcrypto.CryptoKeyPair;
  signingKey: webcrypto.CryptoKey;
  isAuthority: boolean;
}): Promise<X509Certificate> {
  const { subject, issuer, keys, signingKey, isAuthority } = request;
  return X509CertificateGenerator.create(
    {
      subject,
      issuer,
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + DAY_MS),
      publicKey: keys.publicKey,
      signingKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(isAuthority),
        new SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }]),
      ],
    },
    webcrypto as Crypto,
  );
}
