"""ScarNet network: encoders, branches, fusion (see each module)."""
