param($Value)
# What was serialised on its way here becomes what a cmdlet would have made.
if ($Value -is [psobject] -and $Value.psobject.TypeNames[0] -eq 'Deserialized.System.Management.Automation.PSCustomObject') {
    $properties = [ordered] @{}
    foreach ($property in $Value.psobject.Properties) { $properties[$property.Name] = ConvertFrom-Received $property.Value }
    return [pscustomobject] $properties
}
if ($Value -is [System.Collections.IList] -and $Value -isnot [byte[]]) {
    return , [object[]] @($Value | ForEach-Object { ConvertFrom-Received $_ })
}
, $Value
