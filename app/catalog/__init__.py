"""What a shop's catalog is: the profile that describes it, and the attributes declared in it."""
