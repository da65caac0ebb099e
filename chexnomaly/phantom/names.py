"""Ids of films as the public data sets write them, from a film's key of 128 bits."""


def uid(key: str, part: int) -> str:
    """Derive a UID from a key of 32 hexadecimal digits, under the root for UUIDs."""
    return f"2.25.{int(key, 16) // 32 + part}"


def name_image(key: str, family: str) -> str:
    """Name a film.

    Args:
        key: 32 hexadecimal digits.
        family: "vindr" (the digits), "rsna" (in RSNA's groups), "candid" (a UID) or
            "covid" (a file name).

    Returns:
        The id under which the reading side knows the film.
    """
    if family == "rsna":
        parts = (key[:8], key[8:12], key[12:16], key[16:20], key[20:])
        return "-".join(parts)
    if family == "candid":
        return uid(key, 0)
    return f"phantom-{key[:12]}.png" if family == "covid" else key
