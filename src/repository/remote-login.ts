import type { GitSettings } from './git-environment.ts'
import { splitCredentials } from './remote-address.ts'

/** How git gets to know an address and who comes to it. */
export interface Login {
  /** Without credentials. */
  readonly address: string
  readonly settings: GitSettings
  readonly environment: Readonly<Record<string, string>>
}

// "!" lets a shell run it, and git adds what it wants of it. `printf` is built into every shell: no process is
// started whose arguments would hold the password.
const HELPER = '!f() { printf "username=%s\\npassword=%s\\n" "$MEMOIR_USERNAME" "$MEMOIR_PASSWORD"; }; f'

/**
 * Git hands an address on in the arguments of its helpers, where everybody on the machine can read it. So it is
 * given one without credentials, and asks a credential helper of ours, which has them in its environment. It
 * answers for the host of the address alone, not for where that may send us.
 *
 * @throws InvalidRemoteError
 */
export function loginFor(fullAddress: string): Login {
  const { address, credentials } = splitCredentials(fullAddress)
  const [host] = /^https?:\/\/[^/?#]*/i.exec(address) ?? []
  if (credentials === undefined || host === undefined) return { address, settings: {}, environment: {} }
  const { username, password } = credentials
  if (password === undefined) {
    return { address, settings: { [`credential.${host}.username`]: username }, environment: {} }
  }
  return {
    address,
    // The empty one leaves out those of the user: they neither answer, nor get to know what is not theirs.
    settings: { [`credential.${host}.helper`]: ['', HELPER] },
    environment: { MEMOIR_USERNAME: username, MEMOIR_PASSWORD: password },
  }
}
