"""The stages that come with the package, a file each; `register` names them."""
