# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of modules that read or write a registration token or an activation key."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of where an artifact lies."""

    DOCUMENTATION = r"""
options:
  bundle:
    description:
      - Directory of the bundle, on the host that the module runs on. Files in it are named after O(stamp).
      - An artifact whose manifest entry names another stamp is refused. Symbolic links in the bundle are not followed.
    type: path
  stamp:
    description: Name of the stamp in the bundle, usually its inventory name.
    type: str
  path:
    description:
      - A single file instead of a bundle, as Microsoft's own tools read and write it.
      - A symbolic link is followed when it is read, and replaced by a file when it is written.
      - A manifest entry beside it (the same name with C(.json) added) is used when it is there.
    type: path
"""

    WRITE = r"""
options:
  encrypt:
    description:
      - Whether the file is encrypted with Ansible Vault, with a secret that the play has.
      - Encryption happens on the controller. The clear text reaches the disk of neither host.
    type: bool
    default: false
  vault_id:
    description: Label of the vault secret to encrypt with. Defaults to the first secret of the play.
    type: str
  return_content:
    description:
      - Whether the result holds the text itself as C(content). The result is then hidden from the output like that of a
        task with C(no_log), and it is up to you to keep it out of facts, logs and artifacts.
    type: bool
    default: false
"""
